/** Checks a request against its schema, and says what is wrong with it without repeating what the client sent. */

import type { Static, TSchema } from "@sinclair/typebox";
import { Value, type ValueError, ValueErrorType } from "@sinclair/typebox/value";
import { OcpError } from "../core/errors.ts";

/** The value with its type known. Throws OcpError `invalid_request` with the path of the first fault as `param`. */
export function check<T extends TSchema>(schema: T, value: unknown): Static<T> {
  if (Value.Check(schema, value)) return value;
  const fault = Value.Errors(schema, value).First();
  throw fault ? describe(deepest(fault)) : new OcpError("invalid_request", "The body is not valid.");
}

/** How deep requests have meaning; what lies below is a client's own data and is left as it is. */
const meaningfulDepth = 10;

/**
 * A copy of an object without the keys that are null: in these dialects null is the same as absent. What stands under
 * the keys of `asWritten` is a client's own data, such as a JSON Schema, in which null has a meaning: it is not touched.
 */
export function withoutNulls(value: object, asWritten: ReadonlySet<string> = none, depth = meaningfulDepth): object {
  if (depth === 0) return value;
  const inner = (child: unknown) =>
    typeof child === "object" && child !== null ? withoutNulls(child, asWritten, depth - 1) : child;
  if (Array.isArray(value)) return value.map(inner);
  // A null prototype keeps a client's "__proto__" an ordinary, unknown key.
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, child] of Object.entries(value)) {
    if (child !== null) copy[key] = asWritten.has(key) ? child : inner(child);
  }
  return copy;
}

const none: ReadonlySet<string> = new Set();

/** JSON.parse takes any depth, but JSON.stringify, which every conversation passes later, overflows the stack. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  const children: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return children.some((child) => typeof child === "object" && isDeeperThan(levels - 1, child));
}

/** Of a union's faults the one that lies deepest: it belongs to the variant that the client meant. */
function deepest(fault: ValueError): ValueError {
  if (fault.type !== ValueErrorType.Union) return fault;
  let found = fault;
  for (const variant of fault.errors) {
    const first = variant.First();
    const inner = first && deepest(first);
    if (inner && inner.path.length > found.path.length) found = inner;
  }
  return found;
}

function describe(fault: ValueError): OcpError {
  const param = fault.path.slice(1).replaceAll("/", ".");
  const name = param === "" ? "The body" : `\`${param}\``;
  const missing = fault.type === ValueErrorType.ObjectRequiredProperty;
  const sentence = missing ? `${name} is required` : `${name} must be ${expectation(fault.schema)}`;
  return new OcpError("invalid_request", `${sentence}.`, param === "" ? {} : { param });
}

function expectation(schema: TSchema): string {
  if (Array.isArray(schema.anyOf)) return list(schema.anyOf.map(expectation));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case "string":
      return schema.minLength === 1 ? "a non-empty string" : "a string";
    case "boolean":
      return "true or false";
    case "object":
      return "an object";
    case "array": {
      const { minItems, maxItems } = schema;
      const count = maxItems === undefined ? "" : ` of at most ${maxItems}`;
      return `${minItems === undefined ? "an" : "a non-empty"} array${count}`;
    }
    case "integer":
    case "number": {
      const { type, minimum, maximum } = schema;
      const kind = type === "integer" ? "an integer" : "a number";
      if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`;
      return minimum === undefined ? kind : `${kind} of at least ${minimum}`;
    }
    default:
      return "of another type";
  }
}

function list(options: string[]): string {
  return options.length < 3 ? options.join(" or ") : `${options.slice(0, -1).join(", ")} or ${options.at(-1)}`;
}
