/**
 * The Responses request: the shapes that are checked, and what the API's document says of them.
 * Keys that are not here are allowed and mean nothing; null is the same as absent.
 */

import { type Static, Type as t } from "@sinclair/typebox";
import { maxMessages } from "../bounds.ts";
import { chatRequestSchema, partSchema } from "../openai-chat/schema.ts";

const anyObject = (description: string) => t.Object({}, { description, additionalProperties: true });
const content = t.Union([t.String(), t.Array(partSchema)]);

const itemSchema = t.Object(
  {
    type: t.Optional(
      t.String({
        description:
          "`message` (when absent), `function_call`, `function_call_output`, `reasoning` or `item_reference`; items of other types are left out and named in `x-ocp-ignored`.",
      }),
    ),
    id: t.Optional(t.String({ description: "Of an `item_reference`: an item of a remembered response." })),
    role: t.Optional(
      t.Union([t.Literal("user"), t.Literal("assistant"), t.Literal("system"), t.Literal("developer")], {
        description: "Of a message. `developer` is the same as `system`.",
      }),
    ),
    content: t.Optional(content),
    call_id: t.Optional(t.String({ minLength: 1, description: "Of a call, and of its output." })),
    name: t.Optional(t.String({ minLength: 1, description: "Of a call: the function." })),
    arguments: t.Optional(t.String({ description: "Of a call: a JSON object, as text." })),
    output: t.Optional(content),
    encrypted_content: t.Optional(
      t.String({ description: "Of `reasoning`: as this server gave it; any other is left out." }),
    ),
  },
  { additionalProperties: true },
);

const {
  temperature,
  top_p,
  stop,
  tools,
  tool_choice,
  parallel_tool_calls,
  session_id,
  conversation_id,
  prompt_cache_key,
} = chatRequestSchema.properties;

export const responsesRequestSchema = t.Object(
  {
    model: t.Optional(t.String({ description: "An id or alias of GET /v1/models; `sonnet` when absent." })),
    input: t.Optional(
      t.Union([t.String(), t.Array(itemSchema, { maxItems: maxMessages })], {
        description: "A user's text, or items that end with a user's message or with outputs of calls.",
      }),
    ),
    instructions: t.Optional(t.String({ description: "Goes before all other system texts." })),
    previous_response_id: t.Optional(
      t.String({ description: "A response that is still remembered; its input and output go before `input`." }),
    ),
    store: t.Optional(
      t.Boolean({ description: "Whether the answer is remembered for a while, in memory; true when absent." }),
    ),
    stream: t.Optional(t.Boolean({ description: "Answer as server-sent events." })),
    max_output_tokens: t.Optional(t.Integer({ minimum: 1 })),
    temperature,
    top_p,
    stop,
    tools,
    tool_choice,
    parallel_tool_calls,
    reasoning: t.Optional(
      t.Object(
        {
          effort: t.Optional(
            t.String({ description: "`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`." }),
          ),
          summary: t.Optional(t.String({ description: "Without effect: what the model shows of it is always sent." })),
        },
        { additionalProperties: true },
      ),
    ),
    text: t.Optional(
      t.Object(
        {
          format: t.Optional(
            t.Object(
              {
                type: t.String({ description: "`text`, `json_object` or `json_schema`." }),
                name: t.Optional(t.String()),
                description: t.Optional(t.String()),
                schema: t.Optional(anyObject("A JSON Schema of an object.")),
              },
              { additionalProperties: true },
            ),
          ),
          verbosity: t.Optional(t.String({ description: "Without effect." })),
        },
        { additionalProperties: true },
      ),
    ),
    include: t.Optional(
      t.Array(t.String(), { description: "`reasoning.encrypted_content`; anything else has no effect." }),
    ),
    metadata: t.Optional(anyObject("Given back with the response.")),
    background: t.Optional(t.Boolean({ description: "Only false." })),
    conversation: t.Optional(t.Union([t.String(), anyObject("Refused: no conversations are kept here.")])),
    prompt: t.Optional(anyObject("Refused: no prompt templates are kept here.")),
    session_id,
    conversation_id,
    prompt_cache_key,
    safety_identifier: t.Optional(t.String({ description: "Without effect." })),
    truncation: t.Optional(t.String({ description: "Without effect." })),
    max_tool_calls: t.Optional(t.Integer({ description: "Without effect." })),
    top_logprobs: t.Optional(t.Integer({ minimum: 0, maximum: 20, description: "Without effect." })),
    service_tier: t.Optional(t.String({ description: "Without effect." })),
    user: t.Optional(t.String({ description: "Without effect." })),
  },
  {
    additionalProperties: true,
    description: "A request for a response. Other parameters are accepted and have no effect.",
    examples: [
      { model: "sonnet", instructions: "Answer in one sentence.", input: "Why is the sky blue?", stream: true },
    ],
  },
);

export type ResponsesRequest = Static<typeof responsesRequestSchema>;
export type InputItem = Static<typeof itemSchema>;
