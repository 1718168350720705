/**
 * The chat request: the shapes that are checked, and what the API's document says of them.
 * Keys that are not here are allowed and mean nothing; null is the same as absent.
 */

import { type Static, Type as t } from "@sinclair/typebox";
import { maxMessages, maxTools } from "../bounds.ts";

const anyObject = (description: string) => t.Object({}, { description, additionalProperties: true });

const sameConversation = "A name of the conversation: helps to find the process that holds it, and is never proof.";

export const partSchema = t.Object(
  {
    type: t.String({
      description:
        "`text`, `image_url`, `file` or `refusal`; `input_text`, `output_text`, `input_image`, `input_file` and `image` mean the same.",
    }),
    text: t.Optional(t.String()),
    refusal: t.Optional(t.String()),
    image_url: t.Optional(
      t.Union([
        t.String(),
        t.Object({
          url: t.String({
            description: "A data URL (PNG, JPEG, GIF, WebP), or an http(s) URL where the server allows those.",
          }),
          detail: t.Optional(t.String({ description: "Accepted without effect." })),
        }),
      ]),
    ),
    file: t.Optional(
      t.Object({
        file_data: t.Optional(t.String({ description: "A PDF as a data URL." })),
        filename: t.Optional(t.String()),
        file_id: t.Optional(t.String({ description: "Refused: no files are kept here." })),
      }),
    ),
    file_data: t.Optional(t.String({ description: "Of `input_file`: a PDF as a data URL." })),
    filename: t.Optional(t.String()),
    source: t.Optional(
      t.Object(
        {
          type: t.Union([t.Literal("base64"), t.Literal("url")]),
          media_type: t.Optional(t.String()),
          data: t.Optional(t.String()),
          url: t.Optional(t.String()),
        },
        { description: "Of `image`." },
      ),
    ),
  },
  { additionalProperties: true },
);

const calledFunctionSchema = t.Object({
  name: t.String({ minLength: 1 }),
  arguments: t.String({ description: "A JSON object, as text." }),
});

const messageSchema = t.Object(
  {
    role: t.Union(
      [
        t.Literal("system"),
        t.Literal("developer"),
        t.Literal("user"),
        t.Literal("assistant"),
        t.Literal("tool"),
        t.Literal("function"),
      ],
      { description: "`developer` is the same as `system`, `function` the older form of `tool`." },
    ),
    content: t.Optional(t.Union([t.String(), t.Array(partSchema)])),
    name: t.Optional(t.String({ description: "Of a `function` message: the function. Elsewhere without effect." })),
    refusal: t.Optional(t.String()),
    audio: t.Optional(anyObject("Refused.")),
    tool_calls: t.Optional(
      t.Array(
        t.Object({
          id: t.Optional(t.String()),
          type: t.Optional(t.Literal("function")),
          function: calledFunctionSchema,
        }),
      ),
    ),
    tool_call_id: t.Optional(t.String({ description: "Of a `tool` message: the call that it answers." })),
    function_call: t.Optional(calledFunctionSchema),
  },
  { additionalProperties: true },
);

const functionSchema = t.Object(
  {
    name: t.String({ description: "1 to 128 letters, digits, `_` and `-`." }),
    description: t.Optional(t.String()),
    parameters: t.Optional(anyObject("JSON Schema of an object; without it the function takes no arguments.")),
    strict: t.Optional(t.Boolean({ description: "Accepted without effect." })),
  },
  { additionalProperties: true },
);

/** Of the other kinds of tools nothing is asked: they are skipped. */
const toolSchema = t.Object(
  {
    type: t.Optional(
      t.String({ description: "`function`. Tools of other types are skipped, and named in `x-ocp-ignored`." }),
    ),
    function: t.Optional(functionSchema),
    name: t.Optional(t.String({ description: "The function's fields may also stand here." })),
    description: t.Optional(t.String()),
    parameters: t.Optional(t.Unknown()),
  },
  { additionalProperties: true },
);

const toolChoiceSchema = t.Object(
  {
    type: t.String({ description: "`function` or `allowed_tools`." }),
    function: t.Optional(t.Object({ name: t.String() })),
    name: t.Optional(t.String()),
    allowed_tools: t.Optional(
      t.Object({
        mode: t.Optional(t.String({ description: "`auto` or `required`." })),
        tools: t.Optional(t.Array(anyObject("A function of `tools`."))),
      }),
    ),
    mode: t.Optional(t.String()),
    tools: t.Optional(t.Unknown()),
  },
  { additionalProperties: true },
);

const responseFormatSchema = t.Object(
  {
    type: t.String({ description: "`text`, `json_object` or `json_schema`." }),
    json_schema: t.Optional(
      t.Object(
        {
          name: t.String({ description: "1 to 64 letters, digits, `_` and `-`." }),
          description: t.Optional(t.String()),
          schema: t.Optional(anyObject("JSON Schema of an object.")),
          strict: t.Optional(t.Boolean({ description: "Without effect: the answer always fits the schema." })),
        },
        { additionalProperties: true },
      ),
    ),
  },
  { additionalProperties: true },
);

/** Where clients put JSON Schemas, in which null is a value of its own. */
export const schemaKeys: ReadonlySet<string> = new Set(["parameters", "schema"]);

export const chatRequestSchema = t.Object(
  {
    model: t.Optional(t.String({ description: "An id or alias of GET /v1/models; `sonnet` when absent." })),
    messages: t.Array(messageSchema, {
      minItems: 1,
      maxItems: maxMessages,
      description: "The last one is the user's, or results of the assistant's tool calls.",
    }),
    stream: t.Optional(t.Boolean({ description: "Answer as server-sent events." })),
    stream_options: t.Optional(
      t.Object({
        include_usage: t.Optional(t.Boolean({ description: "End the stream with a chunk that holds the usage." })),
      }),
    ),
    max_completion_tokens: t.Optional(t.Integer({ minimum: 1, description: "Goes before `max_tokens`." })),
    max_tokens: t.Optional(t.Integer({ minimum: 1 })),
    temperature: t.Optional(
      t.Number({ minimum: 0, maximum: 2, description: "The model takes 0 to 1; what is above counts as 1." }),
    ),
    top_p: t.Optional(t.Number({ minimum: 0, maximum: 1 })),
    stop: t.Optional(
      t.Union([t.String({ minLength: 1 }), t.Array(t.String({ minLength: 1 }), { maxItems: 16 })], {
        description: "Texts that end the answer.",
      }),
    ),
    reasoning_effort: t.Optional(
      t.String({ description: "`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`." }),
    ),
    reasoning: t.Optional(
      t.Object({ effort: t.Optional(t.String()) }, { description: "Another form of `reasoning_effort`." }),
    ),
    n: t.Optional(t.Integer({ minimum: 1, description: "Only 1." })),
    tools: t.Optional(
      t.Array(toolSchema, {
        maxItems: maxTools,
        description: "Functions that the client runs when the model calls them.",
      }),
    ),
    tool_choice: t.Optional(
      t.Union([t.String(), toolChoiceSchema], {
        description: "`none`, `auto`, `required`, a function or allowed tools.",
      }),
    ),
    parallel_tool_calls: t.Optional(t.Boolean({ description: "Whether one answer may hold several calls; true." })),
    functions: t.Optional(
      t.Array(functionSchema, {
        maxItems: maxTools,
        description: "The older form of `tools`; a call is then a `function_call`.",
      }),
    ),
    function_call: t.Optional(
      t.Union([t.String(), t.Object({ name: t.String() }, { additionalProperties: true })], {
        description: "The older form of `tool_choice`: `none`, `auto` or a function.",
      }),
    ),
    response_format: t.Optional(responseFormatSchema),
    modalities: t.Optional(t.Array(t.String(), { description: "Only `text`." })),
    audio: t.Optional(anyObject("Refused.")),
    seed: t.Optional(t.Integer({ description: "Without effect." })),
    presence_penalty: t.Optional(t.Number({ minimum: -2, maximum: 2, description: "Without effect." })),
    frequency_penalty: t.Optional(t.Number({ minimum: -2, maximum: 2, description: "Without effect." })),
    logit_bias: t.Optional(anyObject("Without effect.")),
    logprobs: t.Optional(t.Boolean({ description: "Without effect." })),
    top_logprobs: t.Optional(t.Integer({ minimum: 0, maximum: 20, description: "Without effect." })),
    store: t.Optional(t.Boolean({ description: "Without effect: nothing is stored." })),
    service_tier: t.Optional(t.String({ description: "Without effect." })),
    user: t.Optional(t.String({ description: "Without effect." })),
    session_id: t.Optional(t.Unknown({ description: sameConversation })),
    conversation_id: t.Optional(t.Unknown({ description: sameConversation })),
    prompt_cache_key: t.Optional(t.Unknown({ description: sameConversation })),
  },
  {
    additionalProperties: true,
    description: "A chat completion request. Other parameters are accepted and have no effect.",
    examples: [
      {
        model: "sonnet",
        messages: [
          { role: "system", content: "Answer in one sentence." },
          { role: "user", content: "Why is the sky blue?" },
        ],
        stream: true,
        stream_options: { include_usage: true },
      },
    ],
  },
);

export type ChatRequest = Static<typeof chatRequestSchema>;
export type ChatMessage = Static<typeof messageSchema>;
export type ContentPart = Static<typeof partSchema>;
