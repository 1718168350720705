/** The request's parameters: what reaches the model, and what has no effect here. */

import type { OutputFormat, Sampling, Toolbox, ToolChoice } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { createOutputFormat } from "../json-schema.ts";
import { decodeToolbox, type OfferedTool } from "../toolbox.ts";
import type { MessagesRequest } from "./schema.ts";

const isSet = () => true;
const isFilled = (value: unknown) => typeof value === "object" && value !== null && Object.keys(value).length > 0;
const isNot =
  (...usual: unknown[]) =>
  (value: unknown) =>
    !usual.includes(value);

/** Parameters that nothing here can honour, and the values by which they would have changed the answer elsewhere. */
const withoutEffect: ReadonlyArray<[name: string, matters: (value: unknown) => boolean]> = [
  ["service_tier", isNot("auto", "standard_only")],
  ["mcp_servers", isFilled],
  ["container", isSet],
  ["context_management", isFilled],
  ["compaction", isSet],
  ["fallbacks", isFilled],
  ["inference_geo", isSet],
  ["speed", isNot("standard")],
];

/**
 * A thread's request brings only what is new, and no history is kept here. By this reason Anthropic's SDKs (1.12.0),
 * whose tool runner asks for threads by itself, know that they have to send all of it.
 */
const noThreads = "thread_unsupported_request";

/** Adds to `ignored` what nothing can honour. Throws OcpError `invalid_request`. */
export function decodeSampling(request: MessagesRequest, ignored: Set<string>): Sampling {
  const given = new Map<string, unknown>(Object.entries(request));
  if (given.has("thread")) {
    const detail = { param: "thread", reason: noThreads };
    throw new OcpError("invalid_request", "Threads are not kept here; send the whole conversation.", detail);
  }
  for (const [name, matters] of withoutEffect) {
    if (given.has(name) && matters(given.get(name))) ignored.add(name);
  }
  const { max_tokens: maxTokens, temperature, top_p: topP, top_k: topK, stop_sequences: stop = [] } = request;
  return {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...decodeThinking(request, ignored),
    stop,
  };
}

function decodeThinking(
  { thinking, output_config: config }: MessagesRequest,
  ignored: Set<string>,
): Pick<Sampling, "effort" | "thinkingBudget"> {
  const effort = config?.effort;
  const wanted = effort === undefined ? {} : { effort };
  if (thinking?.display === "omitted") ignored.add("thinking.display");
  switch (thinking?.type) {
    case "disabled":
      if (effort !== undefined) ignored.add("output_config.effort");
      return { effort: "none" };
    case "enabled": {
      const param = "thinking.budget_tokens";
      const { budget_tokens: thinkingBudget } = thinking;
      if (thinkingBudget === undefined) throw new OcpError("invalid_request", `\`${param}\` is required.`, { param });
      return { ...wanted, thinkingBudget };
    }
    case "between_tools":
      ignored.add("thinking");
      return wanted;
    default:
      return wanted;
  }
}

/** The vendor's format has no name, the engine's has. */
const formatName = "output";

/** Throws OcpError `invalid_request`. */
export function decodeOutput(request: MessagesRequest): OutputFormat | null {
  const { output_config: config, output_format: older } = request;
  const format = config?.format ?? older;
  if (format === undefined) return null;
  const at = config?.format ? "output_config.format" : "output_format";
  const param = `${at}.schema`;
  if (format.schema === undefined) throw new OcpError("invalid_request", `\`${param}\` is required.`, { param });
  return createOutputFormat({ name: formatName, schema: format.schema }, { name: at, schema: param });
}

/** Tools that the vendor's side would run are skipped and added to `ignored`. Throws OcpError `invalid_request`. */
export function decodeTools(request: MessagesRequest, ignored: Set<string>): Toolbox | null {
  const offered = (request.tools ?? []).flatMap((tool, index): OfferedTool[] => {
    const { type = "custom", name, description, input_schema: schema } = tool;
    if (type !== "custom") {
      ignored.add(/^[a-z][a-z0-9_]{0,49}$/.test(type) ? `tools.${type}` : "tools");
      return [];
    }
    const at = { name: `tools.${index}.name`, schema: `tools.${index}.input_schema` };
    if (name === undefined) throw new OcpError("invalid_request", `\`${at.name}\` is required.`, { param: at.name });
    if (isFilled(tool.input_examples)) ignored.add("tools.input_examples");
    return [{ name, description, schema, at }];
  });
  return decodeToolbox(offered, {
    choice: decodeChoice(request.tool_choice),
    parallel: request.tool_choice?.disable_parallel_tool_use !== true,
    param: "tool_choice",
  });
}

function decodeChoice(choice: MessagesRequest["tool_choice"]): ToolChoice {
  if (choice === undefined) return { type: "auto" };
  if (choice.type !== "tool") return { type: choice.type };
  if (choice.name !== undefined) return { type: "tool", name: choice.name };
  throw new OcpError("invalid_request", "`tool_choice.name` is required.", { param: "tool_choice.name" });
}
