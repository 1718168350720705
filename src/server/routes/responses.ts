/** `/v1/responses`: OpenAI's Responses API, with what it remembers of its answers. */

import { Elysia } from "elysia";
import type { Sampling } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { renderOpenAiError } from "../../wire/openai-chat/errors.ts";
import { decodeResponsesRequest } from "../../wire/openai-responses/decode.ts";
import { collectResponse, encodeResponsesStream, type ResponsesEncoding } from "../../wire/openai-responses/encode.ts";
import type { Recall } from "../../wire/openai-responses/input.ts";
import { type Ask, answer } from "../answer.ts";
import { readJsonObject } from "../body.ts";
import { wantsOwnAnswer } from "../cache-bypass.ts";
import { callerOf } from "../caller.ts";
import { decodingContext } from "../decoding.ts";
import type { Exchanges } from "../exchange.ts";
import { headerHints } from "../hints.ts";
import { sendJson } from "../large-answer.ts";
import { type Held, perByte, type RequestMemory } from "../request-memory.ts";
import { charsOf, createResponsesStore, type OwnResponses } from "../responses-store.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import type { Uploads } from "../uploads.ts";
import { deleteDetail, respondDetail, retrieveDetail } from "./responses-detail.ts";

export function responsesRoutes(
  services: AppServices,
  exchanges: Exchanges,
  turns: Turns,
  uploads: Uploads,
  memory: RequestMemory,
) {
  const { config, clock, newId } = services;
  const store = createResponsesStore({ clock });
  const context = decodingContext(services);
  const ownOf = (request: Request): OwnResponses => {
    const { principal } = exchanges.of(request);
    if (!principal) throw new Error("a response that nobody asks for");
    return store.of(principal.id);
  };

  return new Elysia({ name: "responses" })
    .post(
      "/v1/responses",
      async ({ request, server }) => {
        const body = await readJsonObject(request, config.maxBodySize, { uploads });
        const own = ownOf(request);
        const { held } = exchanges.of(request);
        const decoded = decodeResponsesRequest(body, {
          ...context,
          hints: headerHints(request),
          recall: charging(own, held),
        });
        const { conversation, stream, model, store, items: input, sealed, echo, ignored } = decoded;
        const encoding: ResponsesEncoding = {
          id: newId("resp_"),
          created: Math.floor(clock() / 1000),
          model,
          store,
          echo,
          newId,
          sealed,
          onAnswer({ response, items: output }) {
            if (store) own.remember({ response, input, output });
          },
        };
        const ask: Ask = {
          dialect: "responses",
          conversation,
          stream,
          bypassCache: wantsOwnAnswer(request, body),
          ignored,
          nameOf: (parameter) => names[parameter],
          frames: (events) => encodeResponsesStream(events, encoding),
          collect: (events) => collectResponse(events, encoding),
        };
        return answer(request, ask, { config, turns, exchanges, server });
      },
      { detail: respondDetail },
    )
    .get("/v1/responses", ({ request }) => refuseSocket(request, exchanges), { detail: { hide: true } })
    .get(
      "/v1/responses/:id",
      ({ request, params, query }) => {
        if (query.stream === "true") {
          const sentence = "A response that has been given cannot be streamed again.";
          throw new OcpError("invalid_request", sentence, { param: "stream", reason: "unsupported_parameter" });
        }
        const response = ownOf(request).response(params.id ?? "");
        if (!response) throw notFound();
        const exchange = exchanges.of(request);
        exchange.held = memory.open(callerOf(exchange));
        exchange.atEnd(exchange.held.end);
        exchange.held.take(charsOf(response));
        return sendJson(response, exchange);
      },
      { detail: retrieveDetail },
    )
    .delete(
      "/v1/responses/:id",
      ({ request, params }) => {
        if (!ownOf(request).forget(params.id ?? "")) throw notFound();
        return Response.json({ id: params.id, object: "response", deleted: true });
      },
      { detail: deleteDetail },
    );
}

/**
 * Charges the request for what it only refers to, each time that it does: it goes to the CLI all the same. Both throw
 * OcpError queue_full.
 */
function charging(own: OwnResponses, held: Held | null): Recall {
  const charge = <T>(recalled: T): T => {
    held?.take(charsOf(recalled) * perByte);
    return recalled;
  };
  return {
    conversation: (id) => charge(own.conversation(id)),
    item: (id) => charge(own.item(id)),
  };
}

/** The names of the parameters in this dialect. */
const names: Record<keyof Sampling, string> = {
  maxTokens: "max_output_tokens",
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  stop: "stop",
  effort: "reasoning",
  thinkingBudget: "reasoning",
};

/** Codex knocks for a WebSocket first; told with this status, it turns to POST at once instead of trying again. */
function refuseSocket(request: Request, exchanges: Exchanges): Response {
  const error = new OcpError("method_not_allowed", "There are no WebSockets here: send the request with POST.");
  exchanges.of(request).outcome = error.code;
  const status = request.headers.has("upgrade") ? 426 : error.status;
  return Response.json(renderOpenAiError(error), { status, headers: { allow: "OPTIONS, POST" } });
}

function notFound(): OcpError {
  return new OcpError("not_found", "There is no such response, or it is not remembered any more.", {
    param: "response_id",
    reason: "response_not_found",
  });
}
