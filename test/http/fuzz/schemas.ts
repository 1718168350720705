/** JSON Schemas that are wide, deep, circular, or hold patterns that backtrack for ever. */

import type { Random } from "./random.ts";

type Json = Record<string, unknown>;

/** Expressions that take exponential or cubic time on a text such as `subject`. */
const patterns = [
  "^(a+)+$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "(a*)*b",
  "^(.*a){20}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(\\s*)*$",
  "^\\s*([\\s\\S]*?)\\s*$",
  "(?=(a+))\\1b",
  "^(?:a?){30}a{30}$",
  "[",
  "(?<n>a)\\k<n>",
  "\\p{L}+",
  `${"(".repeat(200)}a${")".repeat(200)}`,
  "a{1,1000}{1,1000}",
];

/** An answer that such patterns do not match. */
export const subject = `${"a".repeat(60)}!`;

/** The schema of an object whose property `a` fits `subject` in type. */
export function schemaOf(random: Random): unknown {
  const bound = { type: "string", pattern: random.pick(patterns) };
  return random.pick<() => unknown>([
    () => ({ type: "object", properties: { a: bound } }),
    () => ({ type: "object", properties: { a: { anyOf: [{ type: "number" }, bound, bound] } } }),
    () => ({ type: "object", patternProperties: { [random.pick(patterns)]: { type: "string" } } }),
    () => ({ type: "object", properties: { a: { not: { oneOf: [bound, { allOf: [bound] }] } } } }),
    () => wide(10 ** (1 + random.int(3)) * (1 + random.int(9))),
    () => nested(10 ** (1 + random.int(3)) * (1 + random.int(9)), random.pick(["properties", "anyOf", "items", "not"])),
    () => doubling(4 + random.int(16)),
    () => ({ $ref: random.pick(["#", "#/$defs/a", "#/nowhere", "http://127.0.0.1:1/x", "#/properties/a", ""]) }),
    () => ({ type: "object", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" }),
    () => ({ type: "object", properties: { a: { enum: Array.from({ length: 20_000 }, (_, at) => `v${at}`) } } }),
    () => ({ type: random.pick(["objekt", "", 5, null, ["object", "null"], []]), properties: random.text(10) }),
    () => ({ type: "object", properties: { __proto__: bound, constructor: bound, [random.text(20)]: bound } }),
    () => ({ type: "object", required: random.pick([["a"], "a", [1], Array.from({ length: 5_000 }, () => "a")]) }),
    () => ({ type: "object", $schema: random.pick(["http://json-schema.org/draft-04/schema#", "x", 1, {}]) }),
    () => ({ type: "object", properties: { a: { ...bound, const: "x".repeat(100_000) } }, minProperties: -1 }),
  ])();
}

function wide(count: number): Json {
  const properties = Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, { type: "string" }]));
  return { type: "object", properties, required: Object.keys(properties) };
}

function nested(depth: number, by: string): Json {
  let schema: Json = { type: "string" };
  for (let level = 0; level < depth; level++) {
    const inner = schema;
    if (by === "properties") schema = { type: "object", properties: { a: inner } };
    else if (by === "items") schema = { type: "array", items: inner };
    else schema = { [by]: by === "anyOf" ? [inner] : inner };
  }
  return { type: "object", properties: { a: schema } };
}

/** Each definition uses the next one twice: small to send, and exponential for who writes it out. */
function doubling(depth: number): Json {
  const $defs = Object.fromEntries(
    Array.from({ length: depth }, (_, at) => {
      const next = at + 1 < depth ? { $ref: `#/$defs/d${at + 1}` } : { type: "string" };
      return [`d${at}`, { anyOf: [{ allOf: [next, next] }, { allOf: [next, next] }] }];
    }),
  );
  return { type: "object", properties: { a: { $ref: "#/$defs/d0" } }, $defs };
}

/** The example of a path's body with a schema where its dialect takes one: for the answer, or for a tool. */
export function withSchema(random: Random, path: string, example: Readonly<Json>): Json {
  const schema = schemaOf(random);
  const isFormat = random.chance(0.6);
  switch (path) {
    case "/v1/messages":
      return isFormat
        ? { ...example, output_config: { format: { type: "json_schema", schema } } }
        : { ...example, tools: [{ name: "f", input_schema: schema }] };
    case "/v1/responses":
      return isFormat
        ? { ...example, text: { format: { type: "json_schema", name: "answer", schema } } }
        : { ...example, tools: [{ type: "function", name: "f", parameters: schema }] };
    default:
      return isFormat
        ? { ...example, response_format: { type: "json_schema", json_schema: { name: "answer", schema } } }
        : { ...example, tools: [{ type: "function", function: { name: "f", parameters: schema } }] };
  }
}
