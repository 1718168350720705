/**
 * Answers that must be JSON. The model gives them as the arguments of a tool that the CLI knows like any other: its
 * own support for schemas drops some of them silently and asks again at the user's cost (2.1.197, 2.1.330).
 */

import type { OutputFormat, Tool } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { SchemaChecker } from "../core/ports.ts";
import { outputTool } from "./names.ts";

export interface Output {
  tool: Tool;
  /** Whether the arguments, as they come, are the answer; else it is inside of them. */
  streams: boolean;
  /**
   * Resolves to the answer as compact JSON text; null: it is no JSON, or does not fit. One that takes too long to
   * validate is passed on: it has been paid for. Throws the signal's reason.
   */
  accept(text: string): Promise<string | null>;
}

export interface OutputChecks {
  schemas: SchemaChecker;
  principalId: string;
  /** Of the turn. */
  signal: AbortSignal;
}

/** Throws OcpError invalid_request when the schema is none, or costs too much; and the signal's reason. */
export async function createOutput({ name, schema }: OutputFormat, checks: OutputChecks): Promise<Output> {
  const { schemas, principalId, signal } = checks;
  const { $schema: _dialect, ...rules } = schema ?? { type: "object" };
  // Arguments are objects: any other answer travels in one.
  const wrapped = rules.type !== "object";
  const text = JSON.stringify(rules);
  const compiled = schema === null ? "valid" : await schemas.compile(text, principalId, signal);
  if (compiled !== "valid") throw refusal[compiled]();
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
    async accept(answer) {
      const value = compact(answer, wrapped);
      // A text that begins so is an object, which is all that is asked for.
      if (value === null || schema === null) return value?.startsWith("{") ? value : null;
      return (await schemas.validate(text, value, principalId, signal)) === "invalid" ? null : value;
    },
  };
}

const refusal = {
  invalid: () =>
    new OcpError("invalid_request", "The schema of the response format is not a valid JSON Schema.", {
      param: "response_format",
      reason: "invalid_schema",
    }),
  over_limit: () =>
    new OcpError(
      "invalid_request",
      "The schema of the response format takes too long to compile: 2 seconds of processor time and 256 MiB of memory are allowed. Make it simpler.",
      { param: "response_format", reason: "schema_too_costly" },
    ),
};

/** The JSON of a text that is nothing else, but perhaps in a fence; null when it is none. */
function compact(text: string, wrapped: boolean): string | null {
  try {
    const found: unknown = JSON.parse(withoutFence(text.trim()));
    return JSON.stringify(wrapped && isRecord(found) && "value" in found ? found.value : found);
  } catch {
    return null;
  }
}

const fence = "```";

/** Returns the text between a fence of Markdown's, with or without `json` behind it, and its end. */
function withoutFence(text: string): string {
  if (text.length < 2 * fence.length || !text.startsWith(fence) || !text.endsWith(fence)) return text;
  const inside = text.slice(fence.length, -fence.length);
  return (inside.startsWith("json") ? inside.slice("json".length) : inside).trim();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
