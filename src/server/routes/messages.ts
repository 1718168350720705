/** `POST /v1/messages` and `/v1/messages/count_tokens`. */

import { Elysia } from "elysia";
import type { Sampling } from "../../core/conversation.ts";
import { countTokens } from "../../wire/anthropic-messages/count.ts";
import { decodeMessagesRequest } from "../../wire/anthropic-messages/decode.ts";
import { collectMessage, encodeMessageStream, type MessageMeta } from "../../wire/anthropic-messages/encode.ts";
import { type Ask, answer } from "../answer.ts";
import { readJsonObject } from "../body.ts";
import { wantsOwnAnswer } from "../cache-bypass.ts";
import { decodingContext } from "../decoding.ts";
import type { Exchanges } from "../exchange.ts";
import { headerHints } from "../hints.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import type { Uploads } from "../uploads.ts";
import { countDetail, messagesDetail } from "./messages-detail.ts";

export function messageRoutes(services: AppServices, exchanges: Exchanges, turns: Turns, uploads: Uploads) {
  const { config, newId } = services;
  const context = decodingContext(services);
  const contextOf = (request: Request) => ({ ...context, hints: headerHints(request) });

  return new Elysia({ name: "messages" })
    .post(
      "/v1/messages",
      async ({ request, server }) => {
        const body = await readJsonObject(request, config.maxBodySize, { uploads });
        const named = namesIn(body);
        const meta: MessageMeta = { id: newId("msg_"), requestId: exchanges.of(request).id };
        const ask: Ask = {
          dialect: "messages",
          bypassCache: wantsOwnAnswer(request, body),
          ...decodeMessagesRequest(body, contextOf(request)),
          nameOf: (parameter) => named[parameter],
          frames: (events) => encodeMessageStream(events, meta),
          collect: (events) => collectMessage(events, meta),
        };
        return answer(request, ask, { config, turns, exchanges, server });
      },
      { detail: messagesDetail },
    )
    .post(
      "/v1/messages/count_tokens",
      async ({ request }) => {
        const body = await readJsonObject(request, config.maxBodySize, { uploads });
        return Response.json(countTokens(body, contextOf(request)), { headers: { "x-ocp-estimate": "true" } });
      },
      { detail: countDetail },
    );
}

const names: Record<keyof Sampling, string> = {
  maxTokens: "max_tokens",
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  stop: "stop_sequences",
  effort: "output_config.effort",
  thinkingBudget: "thinking",
};

/** The least effort is asked for by the switch for thinking. The body itself is not kept until its answer. */
function namesIn({ thinking }: Record<string, unknown>): Record<keyof Sampling, string> {
  const isSwitch = (thinking as { type?: unknown } | null | undefined)?.type === "disabled";
  return isSwitch ? { ...names, effort: "thinking" } : names;
}
