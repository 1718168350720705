/** Schemas that a server must survive, and what makes them slow. */

const record = <T>(count: number, value: (index: number) => T) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, value(index)]));

/** So many properties, all of them text. */
export const wide = (count: number) => ({ type: "object", properties: record(count, () => ({ type: "string" })) });

/** Patterns that take seconds each for `stuckValue`; none of them is slow for short texts. */
export const stuck = {
  type: "object",
  properties: {
    v: {
      anyOf: Array.from({ length: 60 }, (_, index) => ({ type: "string", pattern: `^(a+)+${"c".repeat(index)}$` })),
    },
  },
  required: ["v"],
};
export const stuckValue = JSON.stringify({ v: `${"a".repeat(60)}b` });

/** Two references to the next one, forty times: each value is validated 2^40 times. */
export const doubling = {
  type: "object",
  $ref: "#/$defs/p0",
  $defs: record(40, (index) =>
    index === 39 ? true : { allOf: [{ $ref: `#/$defs/p${index + 1}` }, { $ref: `#/$defs/p${index + 1}` }] },
  ),
};
