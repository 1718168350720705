/**
 * The simulated Anthropic API: for `ocp serve --demo`, the tests and the benchmark.
 *
 *     await using simulator = startSimulator({ scenario: ({ number }) => number === 1 ? { status: 529 } : undefined });
 *     // ... let the CLI run with ANTHROPIC_BASE_URL = simulator.url and any token ...
 *     const { body } = await simulator.message(2);
 *
 * What an answer is comes, in this order, from the scenario, from a marker in the last user message (marker.ts), or
 * it is a text that says that it is simulated. An answer is cut by the request's own `max_tokens` and
 * `stop_sequences`, and a prompt over the model's window is refused, as the real API does it. It has no latency
 * but what a script asks for, and it listens on loopback only.
 */

import { composeAnswer } from "./answer.ts";
import { errorResponse } from "./errors.ts";
import { greeting } from "./greeting.ts";
import { limitHeaders } from "./limits.ts";
import { readMarker } from "./marker.ts";
import { createRecorder, type ReceivedRequest } from "./recorder.ts";
import { defaultWindow, estimateTokens, lastUserText, type MessagesBody, refuse } from "./request.ts";
import type { AnswerScript, Limits, Script } from "./script.ts";
import { type Connection, noResponse, pause, planTransmission, transmit } from "./transmit.ts";
import { toFrames, toMessage } from "./wire.ts";

/**
 * Decides the answer of a request to /v1/messages or /v1/messages/count_tokens; it may wait, and the answer then
 * waits too. Undefined leaves the choice to the marker, or to the default.
 */
export type Scenario = (request: ReceivedRequest) => Script | undefined | Promise<Script | undefined>;

export interface SimulatorOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  scenario?: Scenario;
  /** Milliseconds between the words of the default answer; 0 by default. */
  paceMs?: number;
  /** How many requests are kept, the newest; all by default. */
  keep?: number;
  /** The plan's limits that an answer tells, if its script tells none; `count` is the answer's number, from 1. */
  limits?: (count: number) => Limits;
  /** Tokens that a model takes; undefined: there is no such model. */
  window?: (model: string) => number | undefined;
  /** Epoch milliseconds. */
  now?: () => number;
}

export interface Simulator extends AsyncDisposable {
  /** What `ANTHROPIC_BASE_URL` is set to. */
  readonly url: string;
  /** All that came in, in order, HEAD and unknown paths included. */
  readonly requests: readonly ReceivedRequest[];
  /** The `count`th request for a message since the start or the last reset, as soon as it is here. */
  message(count: number): Promise<ReceivedRequest>;
  /** From now on this scenario decides; undefined: none. */
  play(scenario: Scenario | undefined): void;
  /** Forgets the requests and the counts, and takes the first scenario again. */
  reset(): void;
  stop(): Promise<void>;
}

export function startSimulator(options: SimulatorOptions = {}): Simulator {
  const { now = Date.now, window = defaultWindow, paceMs = 0 } = options;
  const recorder = createRecorder(options.keep ?? Number.POSITIVE_INFINITY, now);
  let scenario = options.scenario;

  async function respond(request: Request): Promise<Response> {
    const { received, end, severed } = await recorder.record(request);
    const connection = { signal: request.signal, severed, end };
    const requestId = newId("req_");
    const route = `${received.method} ${received.path}`;
    const answered = (response: Response) => {
      end("answered");
      return response;
    };

    if (route === "HEAD /" || route === "HEAD /api/hello") return answered(new Response(null));
    if (route === "GET /api/hello") return answered(Response.json({ message: "hello" }));
    const counting = route === "POST /v1/messages/count_tokens";
    if (!counting && route !== "POST /v1/messages") {
      return answered(errorResponse({ status: 404 }, requestId, now()));
    }
    if (!received.headers.authorization && !received.headers["x-api-key"]) {
      return answered(errorResponse({ status: 401, message: "x-api-key header is required" }, requestId, now()));
    }

    const { body } = received;
    const tokens = body ? estimateTokens(body) : 0;
    const refusal = refuse(body, { bytes: received.bytes, tokens, counting, window });
    if (refusal || !body) return answered(errorResponse(refusal ?? { status: 400 }, requestId, now()));

    const script = (await scenario?.(received)) ?? readMarker(lastUserText(body)) ?? greeting(body, paceMs);
    await pause(script.delayMs ?? 0, connection);
    if (request.signal.aborted) end("aborted");
    if (severed.aborted || request.signal.aborted) return noResponse(end);
    if ("status" in script) return answered(errorResponse(script, requestId, now()));
    if (counting) return answered(Response.json({ input_tokens: script.usage?.input ?? tokens }));
    const limits = script.limits ?? options.limits?.(received.number);
    return sendAnswer({ ...script, ...(limits && { limits }) }, body, { requestId, connection, now });
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    // No silence is too long: a stall is a case to test.
    idleTimeout: 0,
    maxRequestBodySize: 256 * 1024 * 1024,
    fetch: respond,
    error: (cause) =>
      errorResponse({ status: 500, message: `The simulated API failed: ${cause}` }, newId("req_"), now()),
  });

  const stop = () => server.stop(true);
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests: recorder.requests,
    message: recorder.message,
    play: (next) => {
      scenario = next;
    },
    reset: () => {
      recorder.reset();
      scenario = options.scenario;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Call {
  requestId: string;
  connection: Connection;
  now: () => number;
}

async function sendAnswer(script: AnswerScript, body: MessagesBody, call: Call): Promise<Response> {
  const { requestId, connection, now } = call;
  const answer = composeAnswer(script, body, newId);
  const headers: Record<string, string> = { "request-id": requestId };
  if (script.limits) Object.assign(headers, limitHeaders(script.limits));
  const { paceMs = 0, fault } = script;

  if (body.stream) {
    Object.assign(headers, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    return transmit(planTransmission(toFrames(answer), script, requestId), headers, connection);
  }
  const deltas = answer.blocks.reduce((sum, block) => sum + block.chunks.length, 0);
  await pause(fault?.kind === "stall" ? Number.POSITIVE_INFINITY : paceMs * deltas, connection);
  if (fault?.kind === "cut" || connection.severed.aborted) return noResponse(connection.end);
  connection.end("answered");
  if (fault?.kind === "error") return errorResponse({ ...fault, status: fault.status ?? 529 }, requestId, now());
  return Response.json(toMessage(answer), { headers });
}

/** Letters and digits after the prefix, as the API's ids are. */
function newId(prefix: string): string {
  return prefix + crypto.randomUUID().replaceAll("-", "").slice(0, 24);
}
