/**
 * Answers that must be JSON. The model gives them as the arguments of a tool that the CLI knows like any other: its
 * own support for schemas drops some of them silently and asks again at the user's cost (2.1.197, 2.1.330).
 */

import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import type { OutputFormat, Tool } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { outputTool } from "./names.ts";

export interface Output {
  tool: Tool;
  /** Whether the arguments, as they come, are the answer; else it is inside of them. */
  streams: boolean;
  /** The value as compact JSON text if it is one and fits; null otherwise. */
  accept(text: string): string | null;
}

/** Throws OcpError invalid_request when the schema is none. */
export function createOutput({ name, schema }: OutputFormat): Output {
  const { $schema: _dialect, ...rules } = schema ?? { type: "object" };
  // Arguments are objects: any other answer travels in one.
  const wrapped = rules.type !== "object";
  const validate = compile(rules);
  const { $defs, definitions, ...inner } = rules;
  const shared = { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) };
  const inputSchema = wrapped
    ? { type: "object", properties: { value: inner }, required: ["value"], ...shared }
    : rules;
  return {
    streams: !wrapped,
    tool: {
      name: outputTool,
      description: `Gives the answer (${name}). Call it exactly once, as the whole of the final answer.`,
      inputSchema,
    },
    accept(text) {
      const found = parse(text);
      if (found === undefined) return null;
      const value = wrapped && isRecord(found) && "value" in found ? found.value : found;
      return validate(value) ? JSON.stringify(value) : null;
    },
  };
}

function compile(schema: Record<string, unknown>): ValidateFunction {
  try {
    return new Ajv2020({ strict: false, validateFormats: false, logger: false, allErrors: false }).compile(schema);
  } catch {
    throw new OcpError("invalid_request", "The schema of the response format is not a valid JSON Schema.", {
      param: "response_format",
      reason: "invalid_schema",
    });
  }
}

/** The JSON of a text that is nothing else, but perhaps in a fence; undefined when it is none. */
function parse(text: string): unknown {
  const bare = text.trim().replace(/^```(?:json)?\s*([\s\S]*?)\s*```$/, "$1");
  try {
    return JSON.parse(bare);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
