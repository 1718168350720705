/** The keywords of JSON Schema 2020-12 (json-schema.org/draft/2020-12): which values they take, where schemas stand. */

type Test = (value: unknown) => boolean;

const types = new Set<unknown>(["array", "boolean", "integer", "null", "number", "object", "string"]);

const isText: Test = (value) => typeof value === "string";
const isNumber: Test = (value) => typeof value === "number";
const isCount: Test = (value) => Number.isInteger(value) && (value as number) >= 0;
const isTruth: Test = (value) => typeof value === "boolean";
const isTexts: Test = (value) => Array.isArray(value) && value.every(isText);
const isType: Test = (value) =>
  types.has(value) || (Array.isArray(value) && value.length > 0 && value.every((each) => types.has(each)));
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isSchema: Test = (value) => typeof value === "boolean" || isRecord(value);
const isSchemas: Test = (value) => Array.isArray(value) && value.length > 0 && value.every(isSchema);
const isSchemaMap: Test = (value) => isRecord(value) && Object.values(value).every(isSchema);

/** As validators compile patterns: with the flag of Unicode. */
const isPattern: Test = (value) => {
  try {
    return typeof value === "string" && new RegExp(value, "u") !== null;
  } catch {
    return false;
  }
};

/** Where one schema stands, a list of them, and a map. */
const single = [
  "additionalProperties",
  "propertyNames",
  "unevaluatedProperties",
  "items",
  "unevaluatedItems",
  "contains",
];
const conditional = ["not", "if", "then", "else"];
const lists = ["allOf", "anyOf", "oneOf", "prefixItems"];
const maps = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

const tests = new Map<string, Test>([
  ...[...single, ...conditional].map((name): [string, Test] => [name, isSchema]),
  ...lists.map((name): [string, Test] => [name, isSchemas]),
  ...maps.map((name): [string, Test] => [name, isSchemaMap]),
  ["patternProperties", (value) => isSchemaMap(value) && Object.keys(value as object).every(isPattern)],
  ["pattern", isPattern],
  ["type", isType],
  ["enum", (value) => Array.isArray(value) && value.length > 0],
  ["required", isTexts],
  ["dependentRequired", (value) => isRecord(value) && Object.values(value).every(isTexts)],
  ["uniqueItems", isTruth],
  ["multipleOf", (value) => isNumber(value) && (value as number) > 0],
  ...["maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"].map((name): [string, Test] => [name, isNumber]),
  ...[
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "maxProperties",
    "minProperties",
    "maxContains",
    "minContains",
  ].map((name): [string, Test] => [name, isCount]),
  ...["$ref", "$id", "$anchor"].map((name): [string, Test] => [name, isText]),
]);

/** Keywords whose values are a client's data, not schemas. */
const data: ReadonlySet<string> = new Set(["const", "enum", "default"]);

/** The values below a schema that a validator may take for schemas, those under keywords that are none among them. */
export function* valuesBelow(schema: Readonly<Record<string, unknown>>): Generator<unknown, void, void> {
  for (const [keyword, value] of Object.entries(schema)) {
    if (data.has(keyword)) continue;
    if (Array.isArray(value)) yield* value;
    else if (maps.includes(keyword) && isRecord(value)) yield* Object.values(value);
    else yield value;
  }
}

/** Returns whether every keyword of this one schema has a value that it can have; keywords that are none are free. */
export function wellFormed(schema: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(schema).every(([keyword, value]) => tests.get(keyword)?.(value) ?? true);
}

/** The schemas right below a well-formed one. */
export function* subschemasOf(schema: Readonly<Record<string, unknown>>): Generator<unknown, void, void> {
  for (const name of [...single, ...conditional]) if (schema[name] !== undefined) yield schema[name];
  for (const name of lists) if (schema[name] !== undefined) yield* schema[name] as unknown[];
  for (const name of maps) if (schema[name] !== undefined) yield* Object.values(schema[name] as object);
}
