/**
 * Where the CLI's hooks, and its calls of the client's tools, come in: a listener on loopback, with an address for each
 * session that nobody can guess. HTTP is the one way in which the CLI tells both without a program of ours in between.
 */

import type { Bridge } from "../bridge.ts";
import { normalisedId } from "../names.ts";

/** What the CLI says at a hook (2.1.197, 2.1.330); other fields are left alone. */
export interface HookEvent {
  hook_event_name: "UserPromptSubmit" | "MessageDisplay" | "Stop" | "StopFailure";
  transcript_path?: string;
  prompt?: string;
  prompt_id?: string;
  message_id?: string | null;
  delta?: string;
  /** With Stop. */
  last_assistant_message?: string;
}

export interface Guest {
  /** What the hook is answered; `{}` lets the CLI go on. */
  hook(event: HookEvent): object;
  bridge: Bridge;
  /** The CLI has read the list of tools. */
  listed(): void;
  /** The CLI has called a tool, by the call's id as it is compared. */
  called(id: string): void;
}

export interface Address {
  hookUrl: string;
  mcpUrl: string;
  /**
   * Reports progress of the calls that wait. The CLI writes a message down when something happens after it: where it
   * calls a tool before the message has ended, nothing does until the result comes (2.1.197, 2.1.330).
   */
  nudge(): void;
  close(): void;
}

export interface Station {
  open(guest: Guest): Address;
  close(): void;
}

/** A prompt comes whole through a hook. */
const largestBody = 64 * 1024 * 1024;
/** How often, in ms, a call that waits for its result says that it still does: 2.1.197 hangs up after a silent minute. */
const sign = 10_000;

const methods = new Set(["initialize", "ping", "tools/list", "tools/call"]);

export function createStation(): Station {
  const guests = new Map<string, { guest: Guest; calls: Set<WaitingCall> }>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: largestBody,
    async fetch(request) {
      const [, secret = "", kind = ""] = new URL(request.url).pathname.split("/");
      const found = guests.get(secret);
      if (!found) return new Response(null, { status: 404 });
      const { guest, calls } = found;
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const body = await request.json().catch(() => null);
      if (typeof body !== "object" || body === null) return new Response(null, { status: 400 });
      if (kind === "hook") return Response.json(guest.hook(body as HookEvent));
      return respond(guest, body as RpcRequest, calls);
    },
    error: () => new Response(null, { status: 500 }),
  });

  return {
    open(guest) {
      const secret = crypto.randomUUID();
      const calls = new Set<WaitingCall>();
      guests.set(secret, { guest, calls });
      const url = `http://127.0.0.1:${server.port}/${secret}`;
      return {
        hookUrl: `${url}/hook`,
        mcpUrl: `${url}/tools`,
        nudge() {
          for (const call of calls) call.progress();
        },
        close: () => guests.delete(secret),
      };
    },
    close: () => void server.stop(true),
  };
}

interface RpcRequest {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
}

/** A call whose result has not come yet. */
interface WaitingCall {
  /** Tells the CLI that the call goes on. */
  progress(): void;
}

/** One message of MCP's streamable HTTP. `calls` holds the ones of this guest that wait. */
async function respond(guest: Guest, message: RpcRequest, calls: Set<WaitingCall>): Promise<Response> {
  const { id, method = "" } = message;
  if (id === undefined) return new Response(null, { status: 202 });
  if (!methods.has(method)) {
    return Response.json({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
  }
  if (method === "tools/call") {
    const meta = message.params?._meta as Record<string, unknown> | undefined;
    guest.called(normalisedId(String(meta?.["claudecode/toolUseId"] ?? "")));
    return waiting(Promise.resolve(guest.bridge.handle(message)), meta?.progressToken, calls);
  }
  const answer = await guest.bridge.handle(message);
  if (method === "tools/list") guest.listed();
  return Response.json(answer);
}

/** An event stream that ends with the answer, and gives signs of life until then. */
function waiting(answer: Promise<object>, progressToken: unknown, calls: Set<WaitingCall>): Response {
  const encoder = new TextEncoder();
  let timer: Timer;
  let open = true;
  let reported = 0;
  let call: WaitingCall;
  const stop = () => {
    open = false;
    clearInterval(timer);
    calls.delete(call);
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const put = (text: string) => controller.enqueue(encoder.encode(text));
      const message = (value: object) => put(`event: message\ndata: ${JSON.stringify(value)}\n\n`);
      call = {
        progress() {
          if (progressToken === undefined) return;
          const params = { progressToken, progress: ++reported };
          message({ jsonrpc: "2.0", method: "notifications/progress", params });
        },
      };
      calls.add(call);
      put(": the client works on it\n\n");
      timer = setInterval(() => put(": still\n\n"), sign);
      answer.then(
        (value) => {
          // The CLI may have left meanwhile.
          if (!open) return;
          stop();
          message(value);
          controller.close();
        },
        (error) => {
          if (open) controller.error(error);
          stop();
        },
      );
    },
    cancel: stop,
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } });
}
