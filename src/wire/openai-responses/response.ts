/** The response object, as it stands at any moment of an answer. */

import type { Toolbox } from "../../core/conversation.ts";
import type { Usage } from "../../core/turn.ts";
import type { ResponsesRequest } from "./schema.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

export interface OutputText {
  type: "output_text";
  text: string;
  annotations: [];
  logprobs: [];
}

export type OutputItem =
  | { id: string; type: "message"; status: ItemStatus; role: "assistant"; content: OutputText[] }
  | { id: string; type: "function_call"; status: ItemStatus; call_id: string; name: string; arguments: string }
  | {
      id: string;
      type: "reasoning";
      summary: Array<{ type: "summary_text"; text: string }>;
      /** Present if the client asked for it; null when there is nothing to send back. */
      encrypted_content?: string | null;
    };

export interface ResponsesUsage {
  input_tokens: number;
  input_tokens_details: { cached_tokens: number; cache_write_tokens: number };
  output_tokens: number;
  output_tokens_details: { reasoning_tokens: number };
  total_tokens: number;
}

/** How an answer stands, and why it ended as it did. */
export interface Outcome {
  status: "in_progress" | "completed" | "incomplete" | "failed";
  output: OutputItem[];
  incomplete_details?: { reason: "max_output_tokens" | "content_filter" };
  error?: { code: string; message: string };
  usage?: ResponsesUsage;
}

export interface ResponsesMeta {
  /** `resp_` and letters and digits. */
  id: string;
  /** Epoch seconds. */
  created: number;
  /** As the client named it. */
  model: string;
  store: boolean;
  echo: Echo;
}

export type ResponseObject = ReturnType<typeof renderResponse>;

export type Echo = ReturnType<typeof echoOf>;

/** What a response repeats of its request: the parameters in effect. Tools that were left out are not among them. */
export function echoOf(request: ResponsesRequest, toolbox: Toolbox | null) {
  return {
    background: false,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    service_tier: "default",
    temperature: request.temperature ?? null,
    text: { format: request.text?.format ?? { type: "text" } },
    tool_choice: request.tool_choice ?? "auto",
    tools: (toolbox?.tools ?? []).map(({ name, description, inputSchema }) => ({
      type: "function",
      name,
      description,
      parameters: inputSchema,
      strict: null,
    })),
    top_logprobs: 0,
    top_p: request.top_p ?? null,
    truncation: "disabled",
    user: request.user ?? null,
  };
}

/** Complete at every moment: the SDKs' types have most of these fields as required ones. */
export function renderResponse({ id, created, model, store, echo }: ResponsesMeta, outcome: Outcome) {
  return {
    id,
    object: "response",
    created_at: created,
    status: outcome.status,
    error: outcome.error ?? null,
    incomplete_details: outcome.incomplete_details ?? null,
    model,
    output: outcome.output,
    usage: outcome.usage ?? null,
    store,
    ...echo,
  };
}

export function toResponsesUsage(usage: Usage): ResponsesUsage {
  const input = usage.input + usage.cacheRead + usage.cacheWrite;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.thinking },
    total_tokens: input + usage.output,
  };
}
