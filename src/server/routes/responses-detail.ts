/** The descriptions of the routes under `/v1/responses` for the API's document. */

import { noUsage, type TurnEvent } from "../../core/turn.ts";
import { createAssembler } from "../../wire/openai-responses/assemble.ts";
import { echoOf, type ResponseObject } from "../../wire/openai-responses/response.ts";
import { responsesRequestSchema } from "../../wire/openai-responses/schema.ts";
import { type ErrorRow, errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";
import { noteHeaders, turnErrors } from "../turn-detail.ts";

const hello = { model: "sonnet", input: "Say hello." };

const events: TurnEvent[] = [
  { type: "start", model: "claude-sonnet-5-5", usage: noUsage, path: "new", reason: "new", ignored: [] },
  { type: "block_start", index: 0, block: { type: "text" } },
  { type: "delta", index: 0, delta: { type: "text", text: "Hello!" } },
  { type: "block_stop", index: 0 },
  { type: "end", stop: "end_turn", stopSequence: null, usage: { ...noUsage, input: 12, output: 4 } },
];

const example = answerTo(events);

function answerTo(turn: TurnEvent[]): { stream: string; response: ResponseObject | undefined } {
  const assembler = createAssembler({
    id: "resp_4fQz81",
    created: 1763830000,
    model: hello.model,
    store: true,
    echo: echoOf(hello, null),
    newId: (prefix) => `${prefix}9kT2wX`,
    sealed: false,
  });
  const frames = turn
    .flatMap((event) => assembler.push(event))
    .map(({ type, ...rest }, index) => {
      return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: index, ...rest })}\n\n`;
    });
  return { stream: frames.join(""), response: assembler.answer()?.response };
}

const weather = {
  type: "function",
  name: "get_weather",
  description: "The weather of a city, now.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

const notRemembered: ErrorRow = {
  code: "not_found",
  when: "There is no such response, or it is not remembered any more.",
  message: "There is no such response, or it is not remembered any more.",
  param: "response_id",
};

const idParameter = {
  name: "id",
  in: "path" as const,
  required: true,
  schema: { type: "string" as const, example: "resp_4fQz81" },
};

export const respondDetail = {
  tags: ["Responses"],
  summary: "Answer a conversation",
  description:
    "OpenAI's Responses. With `stream: true` the answer comes as server-sent events; silence is filled with " +
    "`: keepalive` comments, and a failure after the first event is `response.failed`. `tools` are the client's: an " +
    "answer may end with `function_call` items, and the next request brings a `function_call_output` for each. " +
    "Answers are remembered for an hour, in memory, unless `store` is false; `previous_response_id` and " +
    "`item_reference` refer to those of the same caller.",
  security,
  requestBody: {
    required: true,
    content: {
      "application/json": {
        // A JSON schema all the same: only its TypeScript type is not OpenAPI's.
        schema: responsesRequestSchema as object,
        examples: {
          plain: { summary: "One answer", value: hello },
          stream: { summary: "A stream", value: { ...hello, instructions: "Be brief.", stream: true } },
          tools: {
            summary: "A tool of the client's",
            value: { model: "sonnet", input: "What is the weather in Bern?", tools: [weather] },
          },
          result: {
            summary: "The result of a call",
            value: {
              model: "sonnet",
              tools: [weather],
              input: [
                { role: "user", content: "What is the weather in Bern?" },
                { type: "function_call", call_id: "call1", name: "get_weather", arguments: '{"city":"Bern"}' },
                { type: "function_call_output", call_id: "call1", output: "Snow, -2 °C" },
              ],
            },
          },
          json: {
            summary: "An answer that fits a schema",
            value: {
              model: "sonnet",
              input: "Name a city.",
              text: {
                format: {
                  type: "json_schema",
                  name: "city",
                  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
                },
              },
            },
          },
        },
      },
    },
  },
  responses: {
    "200": {
      ...jsonResponse("The answer.", example.response, noteHeaders),
      content: {
        "application/json": { schema: { type: "object" as const }, example: example.response },
        "text/event-stream": { schema: { type: "string" as const }, example: example.stream },
      },
    },
    ...errorResponses([
      ...turnErrors.filter(({ code }) => code !== "model_not_found"),
      {
        code: "not_found",
        when: "There is no such model (`model_not_found`), or no such response (`previous_response_not_found`).",
        message: "The previous response is not remembered here; send the whole conversation as `input`.",
        param: "previous_response_id",
      },
    ]),
  },
};

export const retrieveDetail = {
  tags: ["Responses"],
  summary: "A response that is still remembered",
  description: "As it was answered. A caller finds its own responses alone.",
  security,
  parameters: [idParameter],
  responses: {
    "200": jsonResponse("The response.", example.response),
    ...errorResponses([unauthorized, notRemembered]),
  },
};

export const deleteDetail = {
  tags: ["Responses"],
  summary: "Forget a response",
  security,
  parameters: [idParameter],
  responses: {
    "200": jsonResponse("It is forgotten.", { id: "resp_4fQz81", object: "response", deleted: true }),
    ...errorResponses([unauthorized, notRemembered]),
  },
};
