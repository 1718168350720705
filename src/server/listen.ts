/** Opens the port, and closes it again without cutting answers that are about to end. */

import type { AnyElysia } from "elysia";
import type { Admission } from "../core/admission.ts";
import { OcpError } from "../core/errors.ts";
import { errorDialectOf } from "./dialect.ts";

export interface Listener {
  /** Where clients on this machine reach the server. */
  url: string;
  port: number;
  /**
   * Refuses new connections, waiting requests and new turns; gives running ones `graceMs` milliseconds to end, then
   * cuts them.
   */
  stop(graceMs: number): Promise<void>;
}

/** A port that is ours. Every request is answered with 503 until there is an application. */
export interface Place {
  url: string;
  port: number;
  serve(app: AnyElysia, admission: Admission): Listener;
  /** Gives the port back, where it came to nothing. */
  release(): Promise<void>;
}

export interface PlaceOptions {
  /** 0 takes any free port. */
  port: number;
  /** An address or host name of this machine. */
  bind: string;
}

export interface ListenOptions extends PlaceOptions {
  admission: Admission;
}

/**
 * Seconds after which a connection is closed on which no request was completed. Before its first request Bun (1.4.5)
 * allows 12, however often a byte comes, and nothing lengthens that.
 */
export const idleSeconds = 120;

/** Throws OcpError not_ready with the reason `port_taken` or `cannot_listen`. */
export function takePlace({ port, bind }: PlaceOptions): Place {
  const options = {
    port,
    hostname: bind.replace(/^\[|\]$/g, ""),
    // Otherwise a second server on the port would start and take half of the requests.
    reusePort: false,
    // Routes whose answers may be silent for longer switch it off while they answer.
    idleTimeout: idleSeconds,
    // Bun answers a larger body with an empty 413 of its own; ours is checked where the body is read.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
  };
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({ ...options, fetch: notYet });
  } catch (error) {
    throw cannotListen(error, port, bind);
  }
  if (!server.port) throw new OcpError("internal", "The server did not start.");
  const place = { url: `http://${reachable(bind)}:${server.port}`, port: server.port };
  return {
    ...place,
    serve(app, admission) {
      app.compile();
      app.server = server;
      server.reload({ ...options, fetch: app.fetch });
      return {
        ...place,
        async stop(graceMs) {
          admission.close();
          const drained = server.stop();
          const cut = setTimeout(() => void server.stop(true), graceMs);
          await drained;
          clearTimeout(cut);
        },
      };
    },
    release: () => server.stop(true),
  };
}

/** Throws what `takePlace` throws. */
export function listen(app: AnyElysia, { admission, ...options }: ListenOptions): Listener {
  return takePlace(options).serve(app, admission);
}

function notYet(request: Request): Response {
  const error = new OcpError("not_ready", "The server is starting.", { retryAfter: 1 });
  const id = `req_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
  const headers = { "retry-after": "1", "x-request-id": id };
  return Response.json(errorDialectOf(request).body(error, id), { status: error.status, headers });
}

function cannotListen(error: unknown, port: number, bind: string): OcpError {
  const code = error instanceof Error && "code" in error ? error.code : null;
  const at = `port ${port} of ${bind}`;
  if (code === "EADDRINUSE") {
    return new OcpError("not_ready", `Cannot listen on ${at}: another program has it.`, {
      reason: "port_taken",
      cause: error,
    });
  }
  const why =
    code === "EACCES"
      ? "the system does not allow it (ports below 1024 need special rights)"
      : code === "EADDRNOTAVAIL"
        ? "this machine does not have that address"
        : "the system refused";
  return new OcpError("not_ready", `Cannot listen on ${at}: ${why}.`, { reason: "cannot_listen", cause: error });
}

/** An address to connect to: a wildcard is one to listen on only. */
function reachable(bind: string): string {
  const plain = bind.replace(/^\[|\]$/g, "");
  if (plain === "0.0.0.0") return "127.0.0.1";
  if (plain === "::") return "[::1]";
  return plain.includes(":") ? `[${plain}]` : plain;
}
