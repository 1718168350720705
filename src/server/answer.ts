/** Answers one decoded request, whatever its dialect: runs the turn and sends it as a stream or as one JSON. */

import type { Conversation, Sampling } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { TurnNote } from "../core/ports.ts";
import type { Dialect } from "../core/store.ts";
import { truncate } from "../core/truncate.ts";
import type { TurnEvent } from "../core/turn.ts";
import { freshNote } from "../core/turn-note.ts";
import type { Exchange, Exchanges } from "./exchange.ts";
import { sendJson } from "./large-answer.ts";
import { idleSeconds } from "./listen.ts";
import { open } from "./opening.ts";
import type { AppServices } from "./services.ts";
import { sseResponse } from "./sse.ts";
import type { Turns } from "./turns.ts";

/**
 * Bytes that a request is charged for its answer, from its first event on: what the client has not read yet is kept
 * after the turn has given its place back.
 */
const answerMemory = 4 * 1024 * 1024;

type Events = AsyncGenerator<TurnEvent, void, void>;

/** What a dialect made of a request body, and how it words the answer. */
export interface Ask {
  dialect: Dialect;
  conversation: Conversation;
  stream: boolean;
  /** As `RequestContext` says (cache-bypass.ts). */
  bypassCache: boolean;
  /** Parameters of the request that have no effect, as the client named them. */
  ignored: string[];
  /** How the client named a parameter of the model. */
  nameOf(parameter: keyof Sampling): string;
  frames(events: Events): AsyncGenerator<string, void, void>;
  collect(events: Events): Promise<object>;
}

export interface Answering {
  /** Null without a socket. */
  server: { timeout(request: Request, seconds: number): void } | null;
  config: AppServices["config"];
  turns: Turns;
  exchanges: Exchanges;
}

/** Throws OcpError as long as the response's head is not decided; after it, errors are frames. */
export async function answer(
  request: Request,
  ask: Ask,
  { server, config, turns, exchanges }: Answering,
): Promise<Response> {
  const exchange = exchanges.of(request);
  if (!exchange.principal) throw new Error("a turn that nobody asks for");
  exchange.model = ask.conversation.model;
  const { conversation, dropped } =
    config.maxPromptChars === undefined
      ? { conversation: ask.conversation, dropped: 0 }
      : truncate(ask.conversation, config.maxPromptChars);

  const gone = new AbortController();
  const note = freshNote();
  exchange.note = note;
  const { id: requestId, principal } = exchange;
  const { dialect, bypassCache } = ask;
  const context = { principal, signal: gone.signal, requestId, dialect, bypassCache, note };
  const turn = noting(exchange, turns.run(conversation, context));
  const leave = () => {
    exchange.outcome = "client_left";
    gone.abort(new DOMException("The client left.", "AbortError"));
    void turn.return().catch(() => {});
  };
  if (request.signal.aborted) leave();
  else request.signal.addEventListener("abort", leave, { once: true });

  // Bun would cut a connection that is silent for longer than its idle timeout: answers may take minutes. What is set
  // here outlives the request on its connection, so it is set back.
  server?.timeout(request, 0);
  const heartbeat = config.heartbeatInterval;
  const { first, events } = await open(turn, ask.stream && heartbeat > 0 ? heartbeat : null).catch((error) => {
    server?.timeout(request, idleSeconds);
    throw error;
  });
  exchange.held?.add(answerMemory);
  const headers = notes(ask, first, dropped, note);
  if (!ask.stream) {
    const body = await ask.collect(events).finally(() => server?.timeout(request, idleSeconds));
    request.signal.throwIfAborted();
    return sendJson(body, exchange, headers);
  }

  exchange.streaming = true;
  return sseResponse(ask.frames(events), {
    headers,
    heartbeat,
    patience: config.timeout,
    silentSoFar: first === null,
    onEnd(how) {
      if (how !== "complete") leave();
      if (how === "broken") exchange.outcome = "internal";
      request.signal.removeEventListener("abort", leave);
      server?.timeout(request, idleSeconds);
      exchange.end(200);
    },
  });
}

/** A stream's error is told by a frame of the dialect, so the log's outcome is noted on the way there. */
async function* noting(exchange: Exchange, events: Events): Events {
  try {
    yield* events;
  } catch (error) {
    exchange.outcome = error instanceof OcpError ? error.code : "client_left";
    throw error;
  }
}

/** What the client should know about its request and can be told in the head. */
function notes(ask: Ask, first: TurnEvent | null, dropped: number, note: TurnNote): Record<string, string> {
  const refused = first?.type === "start" ? first.ignored.map(ask.nameOf) : [];
  const ignored = [...new Set([...ask.ignored, ...refused])];
  return {
    ...(ignored.length > 0 ? { "x-ocp-ignored": listed(ignored) } : {}),
    ...(dropped > 0 ? { "x-ocp-truncated": String(dropped) } : {}),
    ...(note.outputLimit !== null ? { "x-ocp-output-limit": String(note.outputLimit) } : {}),
    // To the client a follower is a hit: its request has cost nothing.
    ...(note.cache === "off" ? {} : { "x-ocp-cache": note.cache === "follower" ? "hit" : note.cache }),
  };
}

/** Clients refuse a head of more than some 8 KB, so a long list ends with how many more there are. */
const longestList = 2_000;

function listed(names: readonly string[]): string {
  let text = "";
  for (const [at, name] of names.entries()) {
    const next = at === 0 ? name : `${text}, ${name}`;
    if (next.length > longestList) return `${text}, and ${names.length - at} more`;
    text = next;
  }
  return text;
}
