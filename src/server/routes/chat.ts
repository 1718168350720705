/** `POST /v1/chat/completions`. */

import { Elysia } from "elysia";
import type { Sampling } from "../../core/conversation.ts";
import { decodeChatRequest } from "../../wire/openai-chat/decode.ts";
import { type ChatMeta, collectChatCompletion, encodeChatStream } from "../../wire/openai-chat/encode.ts";
import { decodeResponsesShaped, isResponsesShaped } from "../../wire/openai-chat/responses-shaped.ts";
import { answer } from "../answer.ts";
import { readJsonObject } from "../body.ts";
import { wantsOwnAnswer } from "../cache-bypass.ts";
import { decodingContext } from "../decoding.ts";
import type { Exchanges } from "../exchange.ts";
import { headerHints } from "../hints.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import type { Uploads } from "../uploads.ts";
import { chatDetail } from "./chat-detail.ts";

export function chatRoutes(services: AppServices, exchanges: Exchanges, turns: Turns, uploads: Uploads) {
  const { config, clock, newId } = services;
  const context = decodingContext(services);

  return new Elysia({ name: "chat" }).post(
    "/v1/chat/completions",
    async ({ request, server }) => {
      const body = await readJsonObject(request, config.maxBodySize, { uploads });
      const hints = headerHints(request);
      const decode = isResponsesShaped(body) ? decodeResponsesShaped : decodeChatRequest;
      const decoded = decode(body, { ...context, hints });
      const { conversation, stream, includeUsage, model, legacyCalls, ignored } = decoded;
      const created = Math.floor(clock() / 1000);
      const named = namesIn(body);
      const meta: ChatMeta = { id: newId("chatcmpl-"), created, model, includeUsage, legacyCalls };
      const ask = {
        dialect: "chat" as const,
        conversation,
        stream,
        bypassCache: wantsOwnAnswer(request, body),
        ignored,
        nameOf: (parameter: keyof Sampling) => named[parameter],
        frames: (events: Parameters<typeof encodeChatStream>[0]) => encodeChatStream(events, meta),
        collect: (events: Parameters<typeof collectChatCompletion>[0]) => collectChatCompletion(events, meta),
      };
      return answer(request, ask, { config, turns, exchanges, server });
    },
    { detail: chatDetail },
  );
}

/** The names of each parameter in this dialect, the one that wins first. */
const names: Record<keyof Sampling, [string, ...string[]]> = {
  maxTokens: ["max_completion_tokens", "max_tokens"],
  temperature: ["temperature"],
  topP: ["top_p"],
  topK: ["top_k"],
  stop: ["stop"],
  effort: ["reasoning_effort", "reasoning"],
  thinkingBudget: ["thinking"],
};

/** How this body names them: the body itself is not kept until its answer. */
function namesIn(body: Record<string, unknown>): Record<keyof Sampling, string> {
  const named = Object.entries(names).map(([parameter, all]) => [
    parameter,
    all.find((name) => body[name] != null) ?? all[0],
  ]);
  return Object.fromEntries(named);
}
