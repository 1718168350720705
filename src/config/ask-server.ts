/**
 * Asks a server over HTTP and reads its answer within bounds: the answer may be slow, endless or another program's.
 * Redirects are not followed, since they would carry a key to another server.
 */

import { networkInterfaces } from "node:os";
import { isLoopback } from "../core/address.ts";
import { OcpError } from "../core/errors.ts";
import { parseBounded } from "../core/json-bounds.ts";

export interface Bounds {
  /** How long, in ms, head and body may take together. */
  ms: number;
  /** How large the body may be; 8 MiB when not said. */
  bytes?: number;
}

export interface Answer {
  status: number;
  /** A status of 2xx. */
  ok: boolean;
  /** The body as JSON; undefined when it is none, or is nested or split up more than any answer of OCP. */
  json: unknown;
}

const largestBody = 8 * 1024 * 1024;
/** An answer of OCP has some ten levels, and a thousand keys have 60,000 values and names. */
const shape = { depth: 100, values: 400_000 };

/**
 * Rejects with OcpError upstream_failed when the body is too large, with a DOMException TimeoutError when the time is
 * over, and with what `fetch` says when the server cannot be reached.
 */
export async function askServer(url: string, init: RequestInit, { ms, bytes = largestBody }: Bounds): Promise<Answer> {
  const response = await openAnswer(url, init, AbortSignal.timeout(ms));
  return readAnswer(response, bytes);
}

/** The head alone, for streams; the signal ends the body too. The body is not decompressed. */
export async function openAnswer(url: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
  const headers = new Headers(init.headers);
  // A compressed body may be a thousand times as large as what was received.
  headers.set("accept-encoding", "identity");
  // A proxy of the environment would get the key, and would not reach this machine anyway. Neither option is in Bun's types.
  const ofBun: object = { ...(isThisMachine(new URL(url).hostname) ? { proxy: false } : {}), decompress: false };
  return fetch(url, { ...init, ...ofBun, headers, signal, redirect: "manual" });
}

/** Returns whether an address, which may be in brackets, is one of this machine's; a name is not looked up. */
export function isThisMachine(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, "");
  return (
    isLoopback(address) ||
    Object.values(networkInterfaces())
      .flat()
      .some((info) => info?.address === address)
  );
}

/** Reads the body of an answer that `openAnswer` gave. Rejects as `askServer`. */
export async function readAnswer(response: Response, bytes = largestBody): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > bytes) {
      const most = bytes >= 1024 * 1024 ? `${Math.floor(bytes / 1024 / 1024)} MiB` : `${Math.floor(bytes / 1024)} KiB`;
      throw new OcpError(
        "upstream_failed",
        `What answers at ${new URL(response.url).origin} sends more than ${most}, which no answer of OCP does.`,
      );
    }
    chunks.push(chunk);
  }
  return {
    status: response.status,
    ok: response.ok,
    json: parseBounded(new TextDecoder().decode(Buffer.concat(chunks)), shape),
  };
}
