/** The functions that a request offers, in either of OpenAI's forms, and which of them the model may or must call. */

import type { Toolbox, ToolChoice } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { decodeToolbox, type OfferedTool } from "../toolbox.ts";
import type { ChatRequest } from "./schema.ts";

export interface Tooling {
  toolbox: Toolbox | null;
  /** The client offered `functions`, and reads a call as the one `function_call` of a message. */
  legacyCalls: boolean;
}

/** A choice among tools; `only`: the names to which an `allowed_tools` narrows the offer. */
interface Choice {
  choice: ToolChoice;
  only?: Set<string>;
}

/**
 * Adds the kinds of tools that nothing here can serve to `ignored`, as `tools.<type>`.
 * Throws OcpError `invalid_request`.
 */
export function decodeTooling(request: Omit<ChatRequest, "messages">, ignored: Set<string>): Tooling {
  const { tools = [], functions = [] } = request;
  if (tools.length > 0 && functions.length > 0) {
    throw invalid("A request offers either `tools` or `functions`, the older form, not both.", "functions");
  }
  const legacy = decodeToolbox(functions.map(decodeFunction), {
    choice: decodeFunctionChoice(request.function_call),
    param: "function_call",
    // There is no place for a second call in an answer of the older form.
    parallel: false,
  });
  const { choice, only } = decodeChoice(request.tool_choice);
  const offered = tools.flatMap((tool, index) => decodeTool(tool, `tools.${index}`, ignored));
  const names = new Set(offered.map(({ name }) => name));
  if (only && !only.isSubsetOf(names))
    throw invalid("An allowed tool is not among the tools of the request.", "tool_choice");
  const toolbox = decodeToolbox(only ? offered.filter(({ name }) => only.has(name)) : offered, {
    choice,
    param: "tool_choice",
    parallel: request.parallel_tool_calls ?? true,
  });
  return { toolbox: legacy ?? toolbox, legacyCalls: legacy !== null };
}

type ToolParameter = NonNullable<ChatRequest["tools"]>[number];
type FunctionParameter = NonNullable<ChatRequest["functions"]>[number];

/** Some clients put the function's fields beside `type`, as the Responses API has them. */
function decodeTool(tool: ToolParameter, at: string, ignored: Set<string>): OfferedTool[] {
  if (tool.type !== undefined && tool.type !== "function") {
    // A type is one of an API's words; what does not look like one is not repeated in a header.
    ignored.add(/^[a-z][a-z0-9_]{0,39}$/.test(tool.type) ? `tools.${tool.type}` : "tools");
    return [];
  }
  if (tool.function) return [offer(tool.function, `${at}.function`)];
  const { type, name, description, parameters } = tool;
  if (type === undefined || name === undefined) {
    throw invalid(`\`${at}.function\` is required.`, `${at}.function`);
  }
  return [offer({ name, description, parameters }, at)];
}

function decodeFunction(given: FunctionParameter, index: number): OfferedTool {
  return offer(given, `functions.${index}`);
}

function offer(
  { name, description, parameters }: { name: string; description?: string | undefined; parameters?: unknown },
  at: string,
): OfferedTool {
  return { name, description, schema: parameters, at: { name: `${at}.name`, schema: `${at}.parameters` } };
}

function decodeChoice(given: ChatRequest["tool_choice"]): Choice {
  if (given === undefined) return { choice: { type: "auto" } };
  const type = typeof given === "string" ? given : given.type;
  switch (type) {
    case "auto":
    case "none":
      return { choice: { type } };
    case "required":
      return { choice: { type: "any" } };
  }
  if (typeof given === "object" && type === "function") {
    const name = given.function?.name ?? given.name;
    if (name === undefined) throw invalid("`tool_choice.function.name` is required.", "tool_choice.function.name");
    return { choice: { type: "tool", name } };
  }
  if (typeof given === "object" && type === "allowed_tools") return decodeAllowed(given.allowed_tools ?? given);
  const sentence = "The tool choice must be `none`, `auto`, `required`, a function or allowed tools.";
  throw invalid(sentence, "tool_choice");
}

function decodeAllowed({ mode, tools }: { mode?: string; tools?: unknown }): Choice {
  const param = "tool_choice.allowed_tools";
  if (mode !== "auto" && mode !== "required") throw invalid("The mode must be `auto` or `required`.", `${param}.mode`);
  const names = Array.isArray(tools) ? tools.map((tool) => tool?.function?.name ?? tool?.name) : [];
  if (names.length === 0 || names.some((name) => typeof name !== "string")) {
    throw invalid("The allowed tools must be a non-empty array of functions with their names.", `${param}.tools`);
  }
  return { choice: { type: mode === "auto" ? "auto" : "any" }, only: new Set(names) };
}

function decodeFunctionChoice(given: ChatRequest["function_call"]): ToolChoice {
  if (given === undefined) return { type: "auto" };
  if (typeof given === "object") return { type: "tool", name: given.name };
  if (given === "auto" || given === "none") return { type: given };
  throw invalid("The function call must be `none`, `auto` or a function's name in an object.", "function_call");
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
