/** JSON Schemas that clients bring: they stay as written, and only what nothing can come of is refused. */

import type { OutputFormat } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { isDeeperThan } from "./check.ts";

/** The limits of one schema: bytes of JSON, and values in it, counted with those inside of others. */
export const schemaLimits = { bytes: 512 * 1024, values: 50_000, depth: 200 };

/**
 * The schema of an object, or one that leaves its type open. Throws OcpError `invalid_request` for any other, and for
 * one over the limits.
 */
export function checkSchema(value: unknown, param: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault("A schema must be a JSON object.", param);
  }
  const schema = value as Record<string, unknown>;
  if (schema.type !== undefined && schema.type !== "object") {
    throw fault('A schema must describe an object: its outermost `type` must be "object".', `${param}.type`);
  }
  if (isDeeperThan(schemaLimits.depth, schema)) {
    throw fault(`A schema may nest at most ${schemaLimits.depth} levels deep.`, param);
  }
  const values = countValues(schema);
  if (values > schemaLimits.values) {
    throw fault(`A schema may have at most ${schemaLimits.values} values; this one has ${values}.`, param);
  }
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > schemaLimits.bytes) {
    throw fault(`A schema may have at most ${schemaLimits.bytes} bytes of JSON; this one has ${bytes}.`, param);
  }
  return schema;
}

/** A value and all inside of it. */
function countValues(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  const children: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let count = 1;
  for (const child of children) count += typeof child === "object" ? countValues(child) : 1;
  return count;
}

/** `at`: the paths of name and schema in the request. Throws OcpError `invalid_request`. */
export function createOutputFormat(
  { name, schema }: { name: string; schema: unknown },
  at: { name: string; schema: string },
): OutputFormat {
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw fault("A format's name must be 1 to 64 letters, digits, underscores and hyphens.", at.name);
  }
  return { name, schema: schema === undefined ? null : checkSchema(schema, at.schema) };
}

function fault(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
