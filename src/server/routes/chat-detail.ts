/** The description of `POST /v1/chat/completions` for the API's document. */

import { chatRequestSchema } from "../../wire/openai-chat/schema.ts";
import { errorResponses, jsonResponse, security } from "../openapi.ts";
import { noteHeaders, turnErrors } from "../turn-detail.ts";

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
    "silence is filled with `: keepalive` comments, and a failure after the first event is one event with `error`. " +
    "`tools` are the client's: a call ends the answer with `tool_calls`, and the next request brings the result in a " +
    "`tool` message. With a `response_format` the content is JSON that fits the schema.",
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
          tools: {
            summary: "A tool of the client's",
            value: {
              model: "sonnet",
              messages: [{ role: "user", content: "Is it raining in Bern?" }],
              tools: [
                {
                  type: "function",
                  function: {
                    name: "get_weather",
                    description: "The weather of a city, now.",
                    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
                  },
                },
              ],
            },
          },
          result: {
            summary: "A tool's result",
            value: {
              model: "sonnet",
              messages: [
                { role: "user", content: "Is it raining in Bern?" },
                {
                  role: "assistant",
                  content: null,
                  tool_calls: [
                    {
                      id: "toolu01A",
                      type: "function",
                      function: { name: "get_weather", arguments: '{"city":"Bern"}' },
                    },
                  ],
                },
                { role: "tool", tool_call_id: "toolu01A", content: "Sunny, 21 degrees." },
              ],
            },
          },
          format: {
            summary: "An answer that fits a schema",
            value: {
              model: "sonnet",
              messages: [{ role: "user", content: "Name a city in Switzerland." }],
              response_format: {
                type: "json_schema",
                json_schema: {
                  name: "city",
                  schema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
                },
              },
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
    ...errorResponses(turnErrors),
  },
};
