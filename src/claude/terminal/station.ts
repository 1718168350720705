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
  const guests = new Map<string, Guest>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: largestBody,
    async fetch(request) {
      const [, secret = "", kind = ""] = new URL(request.url).pathname.split("/");
      const guest = guests.get(secret);
      if (!guest) return new Response(null, { status: 404 });
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const body = await request.json().catch(() => null);
      if (typeof body !== "object" || body === null) return new Response(null, { status: 400 });
      return kind === "hook" ? Response.json(guest.hook(body as HookEvent)) : respond(guest, body as RpcRequest);
    },
    error: () => new Response(null, { status: 500 }),
  });

  return {
    open(guest) {
      const secret = crypto.randomUUID();
      guests.set(secret, guest);
      const url = `http://127.0.0.1:${server.port}/${secret}`;
      return { hookUrl: `${url}/hook`, mcpUrl: `${url}/tools`, close: () => guests.delete(secret) };
    },
    close: () => void server.stop(true),
  };
}

interface RpcRequest {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
}

/** One message of MCP's streamable HTTP. */
async function respond(guest: Guest, message: RpcRequest): Promise<Response> {
  const { id, method = "" } = message;
  if (id === undefined) return new Response(null, { status: 202 });
  if (!methods.has(method)) {
    return Response.json({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
  }
  if (method === "tools/call") {
    const meta = message.params?._meta as Record<string, unknown> | undefined;
    guest.called(normalisedId(String(meta?.["claudecode/toolUseId"] ?? "")));
    return waiting(Promise.resolve(guest.bridge.handle(message)));
  }
  const answer = await guest.bridge.handle(message);
  if (method === "tools/list") guest.listed();
  return Response.json(answer);
}

/** An event stream that ends with the answer, and gives signs of life until then. */
function waiting(answer: Promise<object>): Response {
  const encoder = new TextEncoder();
  let timer: Timer;
  let open = true;
  const stop = () => {
    open = false;
    clearInterval(timer);
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(": the client works on it\n\n"));
      timer = setInterval(() => controller.enqueue(encoder.encode(": still\n\n")), sign);
      answer.then(
        (value) => {
          // The CLI may have left meanwhile.
          if (!open) return;
          stop();
          controller.enqueue(encoder.encode(`event: message\ndata: ${JSON.stringify(value)}\n\n`));
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
