/**
 * Turns a JSON Schema (2020-12) into a validator. Schemas are interpreted: code generated from one takes seconds of
 * processor time where the interpreter takes milliseconds, and would be a client's data run as a program.
 *
 * To be called in the worker process alone: a pattern may keep the regular expression engine busy without end.
 */

import { dereference, type InstanceType, type Schema, validate } from "@cfworker/json-schema";
import { subschemasOf, valuesBelow, wellFormed } from "./keywords.ts";

/** Returns whether the value fits. May run without end, or throw RangeError. */
export type Validator = (value: unknown) => boolean;

/** The text is no schema: a keyword has a wrong value, a pattern cannot be compiled, a reference leads nowhere. */
export class InvalidSchema extends Error {
  override readonly name = "InvalidSchema";
}

type Lookup = Record<string, Schema | boolean>;

/** Values of every type, for schemas that refer to themselves without end: those recurse whatever they are given. */
const samples: readonly unknown[] = [{}, [], "", 0, null];

/** `text` is the schema as JSON. Throws InvalidSchema. */
export function compileSchema(text: string): Validator {
  const schema = JSON.parse(text) as Schema;
  dropOlderIds(schema);
  const lookup = lookupOf(schema);
  checkAll(schema, lookup);
  const validator = (value: unknown) => validate(value, schema, "2020-12", lookup).valid;
  try {
    for (const sample of samples) validator(sample);
  } catch (cause) {
    throw new InvalidSchema("It refers to itself without end.", { cause });
  }
  return validator;
}

/** The validator takes `id`, a keyword of draft 4, for `$id`, in examples too: two that are the same would be refused. */
function dropOlderIds(schema: unknown): void {
  const waiting = [schema];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (typeof one !== "object" || one === null || Array.isArray(one)) continue;
    const each = one as Record<string, unknown>;
    delete each.id;
    for (const value of valuesBelow(each)) if (value !== undefined) waiting.push(value);
  }
}

function lookupOf(schema: Schema): Lookup {
  try {
    return dereference(schema);
  } catch (cause) {
    throw new InvalidSchema("Two of its identifiers are the same, or one is no URI.", { cause });
  }
}

/** Checks the schema and everything that it refers to, which may stand under a keyword that is none. */
function checkAll(schema: Schema, lookup: Lookup): void {
  const seen = new Set<unknown>();
  const waiting: unknown[] = [schema];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (typeof one === "boolean" || seen.has(one)) continue;
    if (typeof one !== "object" || one === null || Array.isArray(one))
      throw new InvalidSchema("A schema is no object.");
    seen.add(one);
    const each = one as Schema;
    if (!wellFormed(each)) throw new InvalidSchema("A keyword has a value of a wrong type.");
    // Formats are notes of the client's to the model: no answer is refused for one.
    delete each.format;
    // OpenAPI's way to say it, which clients mix in.
    if (each.nullable === true && typeof each.type === "string") each.type = [each.type, "null"] as InstanceType[];
    if (each.$ref !== undefined) {
      const target = lookup[each.__absolute_ref__ ?? ""];
      if (target === undefined) throw new InvalidSchema("A reference leads nowhere.");
      waiting.push(target);
    }
    for (const child of subschemasOf(each)) waiting.push(child);
  }
}
