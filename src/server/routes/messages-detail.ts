/** The descriptions of the routes under `/v1/messages` for the API's document. */

import { renderAnthropicError } from "../../wire/anthropic-messages/errors.ts";
import { countRequestSchema, messagesRequestSchema } from "../../wire/anthropic-messages/schema.ts";
import { type ErrorRow, errorResponses, jsonResponse, security } from "../openapi.ts";
import { noteHeaders, turnErrors } from "../turn-detail.ts";

const usage = {
  input_tokens: 12,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 4,
  output_tokens_details: { thinking_tokens: 0 },
};

const message = {
  id: "msg_4fQz81",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-5-5",
  content: [{ type: "text", text: "Hello!" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage,
};

const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

const stream = [
  event("message_start", {
    message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  }),
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hello!" } }),
  event("content_block_stop", { index: 0 }),
  event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage }),
  event("message_stop", {}),
].join("");

const hello = { model: "sonnet", max_tokens: 1024, messages: [{ role: "user", content: "Say hello." }] };

const weather = {
  name: "get_weather",
  description: "The weather of a city, now.",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

const failures = (rows: ErrorRow[]) =>
  errorResponses(rows, (error) => renderAnthropicError(error, "req_9fK2mQ7xTb4LwZ81cVnY"));

export const messagesDetail = {
  tags: ["Messages"],
  summary: "Answer a conversation",
  description:
    "Anthropic's Messages. With `stream: true` the answer comes as server-sent events; silence is filled with " +
    "`: keepalive` comments, and a failure after the first event is an `error` event. `tools` are the client's: a call " +
    "ends the answer with `tool_use`, and the next request brings the `tool_result`.",
  security,
  requestBody: {
    required: true,
    content: {
      "application/json": {
        // A JSON schema all the same: only its TypeScript type is not OpenAPI's.
        schema: messagesRequestSchema as object,
        examples: {
          plain: { summary: "One answer", value: hello },
          stream: { summary: "A stream", value: { ...hello, stream: true, system: "Be brief." } },
          tools: {
            summary: "A tool of the client's",
            value: { ...hello, messages: [{ role: "user", content: "Is it raining in Bern?" }], tools: [weather] },
          },
        },
      },
    },
  },
  responses: {
    "200": {
      ...jsonResponse("The answer.", message, noteHeaders),
      content: {
        "application/json": { schema: { type: "object" as const }, example: message },
        "text/event-stream": { schema: { type: "string" as const }, example: stream },
      },
    },
    ...failures(turnErrors),
  },
};

const estimateHeader = {
  "x-ocp-estimate": {
    description: "Always `true`: the figure is an estimate.",
    schema: { type: "string" as const, example: "true" },
  },
};

export const countDetail = {
  tags: ["Messages"],
  summary: "Estimate the tokens of a conversation",
  description:
    "An estimate made here, by characters and by the size of images, that costs no request to the model. What the CLI " +
    "adds to a request of its own is not in it.",
  security,
  requestBody: {
    required: true,
    content: {
      "application/json": {
        schema: countRequestSchema as object,
        examples: { plain: { summary: "One message", value: { model: hello.model, messages: hello.messages } } },
      },
    },
  },
  responses: {
    "200": jsonResponse("The estimate.", { input_tokens: 9 }, estimateHeader),
    ...failures(
      turnErrors.filter(({ code }) =>
        ["invalid_request", "invalid_api_key", "model_not_found", "body_too_large", "internal"].includes(code),
      ),
    ),
  },
};
