/** The description of `POST /v1/chat/completions` for the API's document. */

import { chatRequestSchema } from "../../wire/openai-chat/schema.ts";
import { errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";

const noteHeaders = {
  "x-ocp-ignored": {
    description: "Parameters of the request that have no effect, when there are any.",
    schema: { type: "string" as const, example: "seed, logprobs" },
  },
  "x-ocp-truncated": {
    description: "How many of the oldest messages were dropped, if `CLAUDE_MAX_PROMPT_CHARS` made that necessary.",
    schema: { type: "integer" as const },
  },
};

const chunk = (delta: string, finish: string | null) =>
  `data: {"id":"chatcmpl-4fQz81","object":"chat.completion.chunk","created":1763830000,"model":"sonnet",` +
  `"choices":[{"index":0,"delta":${delta},"finish_reason":${JSON.stringify(finish)}}]}\n\n`;

const completion = {
  id: "chatcmpl-4fQz81",
  object: "chat.completion",
  created: 1763830000,
  model: "sonnet",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello!", refusal: null }, finish_reason: "stop" }],
  usage: {
    prompt_tokens: 12,
    completion_tokens: 4,
    total_tokens: 16,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  },
};

export const chatDetail = {
  tags: ["Chat"],
  summary: "Answer a conversation",
  description:
    "OpenAI's chat completions. With `stream: true` the answer comes as server-sent events, ended by `[DONE]`; " +
    "silence is filled with `: keepalive` comments, and a failure after the first event is one event with `error`.",
  security,
  requestBody: {
    required: true,
    content: {
      "application/json": {
        // A JSON schema all the same: only its TypeScript type is not OpenAPI's.
        schema: chatRequestSchema as object,
        examples: {
          plain: {
            summary: "One answer",
            value: { model: "sonnet", messages: [{ role: "user", content: "Say hello." }] },
          },
          stream: {
            summary: "A stream with usage",
            value: {
              model: "sonnet",
              stream: true,
              stream_options: { include_usage: true },
              messages: [
                { role: "system", content: "Be brief." },
                { role: "user", content: "Say hello." },
              ],
            },
          },
          image: {
            summary: "An image",
            value: {
              model: "sonnet",
              messages: [
                {
                  role: "user",
                  content: [
                    { type: "text", text: "What is this?" },
                    { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
                  ],
                },
              ],
            },
          },
        },
      },
    },
  },
  responses: {
    "200": {
      ...jsonResponse("The answer.", completion, noteHeaders),
      content: {
        "application/json": { schema: { type: "object" as const }, example: completion },
        "text/event-stream": {
          schema: { type: "string" as const },
          example:
            chunk('{"role":"assistant","content":""}', null) +
            chunk('{"content":"Hello!"}', null) +
            chunk("{}", "stop") +
            "data: [DONE]\n\n",
        },
      },
    },
    ...errorResponses([
      {
        code: "invalid_request",
        when: "The request cannot be taken; `param` names the field. `context_length_exceeded`: the prompt is too long.",
        message: "messages must have at least one message.",
        param: "messages",
      },
      unauthorized,
      {
        code: "upstream_permission",
        when: "The account may not ask this.",
        message: "The account may not use this model.",
      },
      {
        code: "model_not_found",
        when: "There is no such model.",
        message: "This model is not in the list.",
        param: "model",
      },
      {
        code: "body_too_large",
        when: "The body or an image is over its limit.",
        message: "The request body is larger than the 33554432 bytes that CLAUDE_MAX_BODY_SIZE allows.",
      },
      {
        code: "queue_full",
        when: "Too many requests wait here, or the account's plan is used up for now.",
        message: "Too many requests are waiting already. Try again in a moment.",
      },
      { code: "internal", when: "A defect of this server.", message: "Internal error. The server's log tells more." },
      { code: "upstream_failed", when: "The model's side failed.", message: "The model's side failed." },
      {
        code: "not_ready",
        when: "No claude CLI, no login, or the server is shutting down.",
        message: "claude is not logged in on this server.",
      },
      { code: "timeout", when: "The answer took longer than `CLAUDE_TIMEOUT`.", message: "The answer took too long." },
      { code: "overloaded", when: "The model's side is overloaded.", message: "The model's side is overloaded." },
    ]),
  },
};
