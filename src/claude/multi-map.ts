/** Several values under one key, in the order in which they were added. */

export interface MultiMap<Value> {
  get(key: string): ReadonlySet<Value>;
  add(key: string, value: Value): void;
  values(): Value[];
  /** Does nothing when it is not there. */
  remove(key: string, value: Value): void;
}

export function createMultiMap<Value>(): MultiMap<Value> {
  const values = new Map<string, Set<Value>>();
  const none: ReadonlySet<Value> = new Set();
  return {
    get: (key) => values.get(key) ?? none,
    add(key, value) {
      const there = values.get(key);
      if (there) there.add(value);
      else values.set(key, new Set([value]));
    },
    values: () => [...values.values()].flatMap((same) => [...same]),
    remove(key, value) {
      const there = values.get(key);
      there?.delete(value);
      if (there?.size === 0) values.delete(key);
    },
  };
}
