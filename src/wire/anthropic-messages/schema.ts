/**
 * The Messages request: the shapes that are checked, and what the API's document says of them.
 * Keys that are not here are allowed; null is the same as absent, but for what is the client's own JSON.
 */

import { type Static, Type as t } from "@sinclair/typebox";
import { maxMessages, maxTools } from "../bounds.ts";

/** Keys under which a client's own JSON stands, in which null has a meaning. */
export const ownJson: ReadonlySet<string> = new Set(["input", "input_schema", "schema"]);

const anyObject = (description: string) => t.Object({}, { description, additionalProperties: true });

const sourceSchema = t.Object(
  {
    type: t.String({ description: "`base64` or `url`; of documents also `text`." }),
    media_type: t.Optional(t.String()),
    data: t.Optional(t.String()),
    url: t.Optional(t.String({ description: "Taken where the server allows links." })),
  },
  { additionalProperties: true },
);

const partFields = {
  type: t.String({
    description:
      "`text`, `image`, `document` or `tool_result`; of the assistant `text`, `tool_use`, `thinking` or `redacted_thinking`.",
  }),
  text: t.Optional(t.String()),
  source: t.Optional(sourceSchema),
  title: t.Optional(t.String({ description: "Of `document`." })),
  context: t.Optional(t.String({ description: "Of `document`." })),
  citations: t.Optional(t.Unknown({ description: "Without effect." })),
  cache_control: t.Optional(t.Unknown({ description: "Accepted; the CLI places its own marks." })),
};

const resultPartSchema = t.Object(partFields, { additionalProperties: true });

const blockSchema = t.Object(
  {
    ...partFields,
    id: t.Optional(t.String({ description: "Of `tool_use`." })),
    name: t.Optional(t.String({ description: "Of `tool_use`." })),
    input: t.Optional(t.Unknown({ description: "Of `tool_use`: a JSON object." })),
    tool_use_id: t.Optional(t.String({ description: "Of `tool_result`: the call that it answers." })),
    content: t.Optional(t.Union([t.String(), t.Array(resultPartSchema)], { description: "Of `tool_result`." })),
    is_error: t.Optional(t.Boolean({ description: "Of `tool_result`." })),
    thinking: t.Optional(t.String({ description: "Of `thinking`." })),
    signature: t.Optional(t.String({ description: "Of `thinking`; without it the block is left out." })),
    data: t.Optional(t.String({ description: "Of `redacted_thinking`." })),
  },
  { additionalProperties: true },
);

const messageSchema = t.Object(
  {
    role: t.Union([t.Literal("user"), t.Literal("assistant"), t.Literal("system")], {
      description: "`system` before the first message adds to the system prompt; later it stays at its place.",
    }),
    content: t.Union([t.String(), t.Array(blockSchema)]),
  },
  { additionalProperties: true },
);

const toolSchema = t.Object(
  {
    type: t.Optional(t.String({ description: "`custom` or absent; other types are skipped." })),
    name: t.Optional(t.String({ description: "1 to 128 letters, digits, `_` or `-`." })),
    description: t.Optional(t.String()),
    input_schema: t.Optional(t.Unknown({ description: "JSON Schema of an object." })),
    input_examples: t.Optional(t.Unknown({ description: "Without effect." })),
  },
  { additionalProperties: true },
);

const formatSchema = t.Object(
  { type: t.Literal("json_schema"), schema: t.Optional(t.Unknown({ description: "JSON Schema of an object." })) },
  { additionalProperties: true },
);

const efforts = (["low", "medium", "high", "xhigh", "max"] as const).map((effort) => t.Literal(effort));
const choices = (["auto", "any", "tool", "none"] as const).map((type) => t.Literal(type));
const thoughts = (["enabled", "disabled", "adaptive", "between_tools"] as const).map((type) => t.Literal(type));

const fields = {
  model: t.Optional(t.String({ description: "An id or alias of GET /v1/models; `sonnet` when absent." })),
  messages: t.Array(messageSchema, {
    minItems: 1,
    maxItems: maxMessages,
    description: "The last one is the user's: an answer cannot be begun for the assistant.",
  }),
  system: t.Optional(t.Union([t.String(), t.Array(blockSchema)], { description: "Text only." })),
  stream: t.Optional(t.Boolean({ description: "Answer as server-sent events." })),
  temperature: t.Optional(t.Number({ minimum: 0, maximum: 1 })),
  top_p: t.Optional(t.Number({ minimum: 0, maximum: 1 })),
  top_k: t.Optional(t.Integer({ minimum: 0 })),
  stop_sequences: t.Optional(t.Array(t.String({ minLength: 1 }), { maxItems: 64 })),
  thinking: t.Optional(
    t.Object(
      {
        type: t.Union(thoughts),
        budget_tokens: t.Optional(t.Integer({ minimum: 1024 })),
        display: t.Optional(t.String({ description: "Without effect." })),
      },
      { additionalProperties: true, description: "`adaptive` is what models that can do it do by themselves." },
    ),
  ),
  output_config: t.Optional(
    t.Object(
      { effort: t.Optional(t.Union(efforts)), format: t.Optional(formatSchema) },
      { additionalProperties: true, description: "How hard the model thinks, and the JSON that it answers with." },
    ),
  ),
  output_format: t.Optional(formatSchema),
  tools: t.Optional(
    t.Array(toolSchema, { maxItems: maxTools, description: "The client runs them; server tools are skipped." }),
  ),
  tool_choice: t.Optional(
    t.Object(
      {
        type: t.Union(choices),
        name: t.Optional(t.String()),
        disable_parallel_tool_use: t.Optional(t.Boolean()),
      },
      { additionalProperties: true },
    ),
  ),
  metadata: t.Optional(
    t.Object(
      { user_id: t.Optional(t.String({ description: "Helps to find the process that holds the conversation." })) },
      { additionalProperties: true },
    ),
  ),
  service_tier: t.Optional(t.String({ description: "Without effect." })),
  mcp_servers: t.Optional(t.Array(anyObject("A server."), { description: "Without effect." })),
  container: t.Optional(t.Unknown({ description: "Without effect." })),
  context_management: t.Optional(anyObject("Without effect.")),
  thread: t.Optional(anyObject("Refused: no history is kept here.")),
};

const example = {
  model: "sonnet",
  max_tokens: 1024,
  system: "Answer in one sentence.",
  messages: [{ role: "user", content: "Why is the sky blue?" }],
};

export const messagesRequestSchema = t.Object(
  { ...fields, max_tokens: t.Integer({ minimum: 1 }) },
  {
    additionalProperties: true,
    description: "A message request. Other parameters are accepted and have no effect.",
    examples: [{ ...example, stream: true }],
  },
);

export const countRequestSchema = t.Object(
  { ...fields, max_tokens: t.Optional(t.Integer({ minimum: 0 })) },
  { additionalProperties: true, description: "A message request, with or without `max_tokens`.", examples: [example] },
);

export type MessagesRequest = Static<typeof countRequestSchema>;
export type RequestMessage = Static<typeof messageSchema>;
export type RequestBlock = Static<typeof blockSchema>;
export type RequestPart = Static<typeof resultPartSchema>;
