/** Where a value is in a configuration, and what the configuration is with another value there. */

export type Scalar = string | number | boolean | null;

/** A property by its name; an item of a list by what it is, or by what one of its properties is. */
export type Step = string | { readonly is: Scalar } | { readonly where: string; readonly is: Scalar };

export type Path = readonly Step[];

/** One value at one place; undefined: nothing is to be there. */
export interface Edit {
  path: Path;
  value: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an item of a list is the one that a step names. */
export function isItem(item: unknown, step: Exclude<Step, string>): boolean {
  return "where" in step ? isFields(item) && item[step.where] === step.is : item === step.is;
}

/** Undefined when there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof step !== "string") return Array.isArray(value) ? value.find((item) => isItem(item, step)) : undefined;
    return isFields(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, root);
}

/** A copy with the edit made; what the path leads through is made where it is missing. Throws where it is no container. */
export function withEdit(root: unknown, { path, value }: Edit): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step !== "string") {
    const items = root ?? [];
    if (!Array.isArray(items)) throw new Error("There is no list to put an item into.");
    const at = items.findIndex((item) => isItem(item, step));
    const inner = withEdit(items[at], { path: rest, value });
    if (inner === undefined) return items.filter((_, index) => index !== at);
    return at === -1 ? [...items, inner] : items.with(at, inner);
  }
  const fields = root ?? {};
  if (!isFields(fields)) throw new Error(`${JSON.stringify(step)} cannot be put into what is no table.`);
  const had = Object.hasOwn(fields, step);
  if (value === undefined && !had) return root;
  const inner = withEdit(had ? fields[step] : undefined, { path: rest, value });
  const { [step]: _, ...others } = fields;
  return inner === undefined ? others : { ...fields, [step]: inner };
}

/** The value with the containers around it that the steps ask for. */
export function wrapped(path: Path, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, step) => (typeof step === "string" ? { [step]: inner } : [inner]), value);
}
