/** A Responses request as a conversation: what the client sent, or a 400 that names what cannot be taken. */

import type { Conversation, OutputFormat } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { check, withoutNulls } from "../check.ts";
import { collectHints } from "../hints.ts";
import { createOutputFormat } from "../json-schema.ts";
import type { DecodeContext } from "../openai-chat/decode.ts";
import { decodeParameters } from "../openai-chat/parameters.ts";
import { schemaKeys } from "../openai-chat/schema.ts";
import { decodeTooling } from "../openai-chat/tools.ts";
import { type Recall, resolveInput, withServedItems } from "./input.ts";
import { decodeItems } from "./items.ts";
import { type Echo, echoOf } from "./response.ts";
import { type InputItem, type ResponsesRequest, responsesRequestSchema } from "./schema.ts";

export interface ResponsesContext extends DecodeContext {
  /** Absent: nothing is remembered. */
  recall?: Recall;
}

export interface DecodedResponses {
  conversation: Conversation;
  stream: boolean;
  /** As the client wrote it; the canonical id if it named none. */
  model: string;
  /** Whether the client wants the answer to be remembered. */
  store: boolean;
  /** Everything said up to here, to be remembered with the answer. */
  items: InputItem[];
  /** Whether reasoning items are to carry what lets the client send them back. */
  sealed: boolean;
  /** What the response repeats of the request. */
  echo: Echo;
  /** Parameters that were accepted and have no effect, or not the whole one. */
  ignored: string[];
}

/**
 * Translates a parsed request body. Unknown keys have no meaning at any level, null is the same as absent.
 * Throws OcpError `invalid_request`, `not_found`, `model_not_found` or `body_too_large` with `param`; no message
 * repeats what the client sent.
 */
export function decodeResponsesRequest(body: unknown, context: ResponsesContext): DecodedResponses {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new OcpError("invalid_request", "The body must be a JSON object.");
  }
  const ignored = new Set<string>();
  const request = check(responsesRequestSchema, withServedItems(withoutNulls(body, schemaKeys), ignored));
  refuse(request);
  noteIgnored(request, ignored);
  const parameters = decodeParameters(parametersOf(request));
  for (const name of parameters.ignored) ignored.add(name);

  const model = context.catalog.resolve(request.model);
  const placed = resolveInput(request, context.recall);
  const { system, messages } = decodeItems(placed, context.images);
  const texts = [request.instructions ?? "", ...system, context.systemPrompt ?? ""];
  const conversation: Conversation = {
    model,
    system: texts.filter((text) => text.trim() !== "").join("\n\n"),
    messages,
    toolbox: decodeTooling(toolingOf(request), ignored).toolbox,
    output: decodeFormat(request.text?.format),
    sampling: parameters.sampling,
    hints: collectHints(context.hints, [request.session_id, request.conversation_id, request.prompt_cache_key]),
  };
  return {
    conversation,
    stream: request.stream ?? false,
    model: request.model ?? model,
    store: request.store ?? true,
    items: placed.map(({ item }) => item),
    sealed: request.include?.includes("reasoning.encrypted_content") ?? false,
    echo: echoOf(request, conversation.toolbox),
    ignored: [...ignored],
  };
}

function refuse(request: ResponsesRequest): void {
  if (request.background) throw unsupported("background", "Nothing is answered in the background here.");
  if (request.conversation !== undefined) {
    throw unsupported("conversation", "No conversations are kept here; send the items, or a previous response's id.");
  }
  if (request.prompt !== undefined) {
    throw unsupported("prompt", "No prompt templates are kept here; send the prompt itself.");
  }
}

function noteIgnored({ truncation, max_tool_calls, text }: ResponsesRequest, ignored: Set<string>): void {
  if (truncation !== undefined && truncation !== "disabled") ignored.add("truncation");
  if (max_tool_calls !== undefined) ignored.add("max_tool_calls");
  if (text?.verbosity !== undefined && text.verbosity !== "medium") ignored.add("text.verbosity");
}

/** What this dialect shares with the chat's; only `max_output_tokens` has another name there. */
function parametersOf(request: ResponsesRequest): Parameters<typeof decodeParameters>[0] {
  const { max_output_tokens, temperature, top_p, stop, reasoning, top_logprobs, service_tier } = request;
  const { effort } = reasoning ?? {};
  return {
    ...(max_output_tokens === undefined ? {} : { max_completion_tokens: max_output_tokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(stop === undefined ? {} : { stop }),
    ...(effort === undefined ? {} : { reasoning: { effort } }),
    ...(top_logprobs === undefined ? {} : { top_logprobs }),
    ...(service_tier === undefined ? {} : { service_tier }),
  };
}

function toolingOf({ tools, tool_choice, parallel_tool_calls }: ResponsesRequest) {
  return {
    ...(tools === undefined ? {} : { tools }),
    ...(tool_choice === undefined ? {} : { tool_choice }),
    ...(parallel_tool_calls === undefined ? {} : { parallel_tool_calls }),
  };
}

type Format = NonNullable<ResponsesRequest["text"]>["format"];

function decodeFormat(format: Format): OutputFormat | null {
  const at = "text.format";
  switch (format?.type) {
    case undefined:
    case "text":
      return null;
    case "json_object":
      return { name: "json_object", schema: null };
    case "json_schema": {
      const { name = "response", description, schema } = format;
      if (schema === undefined) {
        throw new OcpError("invalid_request", `\`${at}.schema\` is required.`, { param: `${at}.schema` });
      }
      // To the model a format's description is its schema's: as an annotation it changes nothing that the schema allows.
      const described = description === undefined ? schema : { description, ...schema };
      return createOutputFormat({ name, schema: described }, { name: `${at}.name`, schema: `${at}.schema` });
    }
    default:
      throw new OcpError("invalid_request", "The text format must be `text`, `json_object` or `json_schema`.", {
        param: `${at}.type`,
      });
  }
}

function unsupported(param: string, sentence: string): OcpError {
  return new OcpError("invalid_request", sentence, { param, reason: "unsupported_parameter" });
}
