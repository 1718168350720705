/** The tools of a request, held to the same rules in every dialect. */

import type { Tool, Toolbox, ToolChoice } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { checkSchema } from "./json-schema.ts";

export interface OfferedTool {
  name: string;
  description?: string | undefined;
  /** JSON Schema of an object; absent: without parameters. */
  schema?: unknown;
  /** Where name and schema stand in the request. */
  at: { name: string; schema: string };
}

export interface ToolWish {
  choice: ToolChoice;
  parallel: boolean;
  /** Where the choice stands in the request. */
  param: string;
}

/** The rule of the model's API. */
const nameRule = /^[a-zA-Z0-9_-]{1,128}$/;

/**
 * Null when nothing is offered. Throws OcpError `invalid_request` for a name or a schema that the model's API refuses,
 * and for a choice that forces a call of what is not offered.
 */
export function decodeToolbox(offered: readonly OfferedTool[], wish: ToolWish): Toolbox | null {
  const names = new Set<string>();
  const tools = offered.map((tool): Tool => {
    if (!nameRule.test(tool.name)) {
      throw invalid("A tool's name must be 1 to 128 letters, digits, `_` or `-`.", tool.at.name);
    }
    if (names.has(tool.name)) throw invalid("Two tools have this name.", tool.at.name);
    names.add(tool.name);
    return { name: tool.name, description: tool.description ?? "", inputSchema: decodeSchema(tool) };
  });

  const { choice, parallel, param } = wish;
  if (tools.length === 0) {
    if (choice.type === "auto" || choice.type === "none") return null;
    throw invalid("A tool call cannot be forced, as the request offers no tools.", param);
  }
  if (choice.type === "tool" && !names.has(choice.name)) {
    throw invalid("The tool to be called is not among the tools that the request offers.", param);
  }
  return { tools, choice, parallel };
}

function decodeSchema({ schema, at }: OfferedTool): Record<string, unknown> {
  if (schema === undefined || schema === null) return { type: "object", properties: {} };
  const checked = checkSchema(schema, at.schema);
  return checked.type === undefined ? { type: "object", ...checked } : checked;
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
