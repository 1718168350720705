/** A queue between a producer that calls and a consumer that awaits: the way from process callbacks to an iterator. */

export interface Channel<T> {
  push(value: T): void;
  /** No value comes any more; waiting and later reads throw `error` once the values before it are read. */
  fail(error: unknown): void;
  /** Waits for the next value. One reader at a time. */
  next(): Promise<T>;
}

export function createChannel<T>(): Channel<T> {
  const values: T[] = [];
  let failure: { error: unknown } | null = null;
  let waiter: { resolve: (value: T) => void; reject: (error: unknown) => void } | null = null;

  return {
    push(value) {
      if (failure) return;
      if (waiter) {
        const { resolve } = waiter;
        waiter = null;
        resolve(value);
      } else {
        values.push(value);
      }
    },
    fail(error) {
      if (failure) return;
      failure = { error };
      waiter?.reject(error);
      waiter = null;
    },
    next() {
      if (values.length > 0) return Promise.resolve(values.shift() as T);
      if (failure) return Promise.reject(failure.error);
      return new Promise((resolve, reject) => {
        waiter = { resolve, reject };
      });
    },
  };
}
