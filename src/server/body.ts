/**
 * Reads a request's JSON body within a limit of bytes. Elysia's own parser is not used: it wants a content type,
 * which `curl -d` does not send, and Bun answers a body over its limit with an empty 413.
 */

import { OcpError } from "../core/errors.ts";
import type { Upload, Uploads } from "./uploads.ts";

/** A body of which less comes in a while is cut: bytes, in so many ms. Nobody's line is that slow. */
export interface Pace {
  bytes: number;
  time: number;
}

const slowest: Pace = { bytes: 4_096, time: 20_000 };

export interface Reading {
  /** Where the limit comes from, for the sentence about it. */
  because?: string;
  /** Bounds the body together with others', for routes that more than the administrator may call. */
  uploads?: Uploads;
  pace?: Pace;
  /** No body is an object without fields. */
  mayBeEmpty?: boolean;
}

/**
 * The body as a JSON object. `maxBytes` counts bytes as sent.
 * Throws OcpError body_too_large, slow_request, queue_full or invalid_request, and the request's abort reason when the
 * upload is cut.
 */
export async function readJsonObject(
  request: Request,
  maxBytes: number,
  { because = "that CLAUDE_MAX_BODY_SIZE allows", uploads, pace = slowest, mayBeEmpty = false }: Reading = {},
): Promise<Record<string, unknown>> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "") {
    throw new OcpError("invalid_request", "Compressed bodies are not taken: send the JSON without Content-Encoding.");
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes, because);
  const upload = uploads?.begin(request);
  const bytes = await readBytes(
    request,
    (size) => {
      if (size > maxBytes) throw tooLarge(maxBytes, because);
    },
    pace,
    upload,
  ).finally(() => upload?.end());
  if (bytes.length === 0 && mayBeEmpty) return {};
  if (bytes.length === 0) throw new OcpError("invalid_request", "The request has no body; it must be a JSON object.");
  const value = parse(decode(bytes));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OcpError("invalid_request", "The request body must be a JSON object.");
  }
  return value as Record<string, unknown>;
}

async function readBytes(
  request: Request,
  check: (size: number) => void,
  pace: Pace,
  upload?: Upload,
): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const slow = Promise.withResolvers<never>();
  slow.promise.catch(() => {});
  const chunks: Uint8Array[] = [];
  let size = 0;
  let before = 0;
  const timer = setInterval(() => {
    if (size - before < pace.bytes) slow.reject(tooSlow());
    before = size;
  }, pace.time);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), slow.promise]);
      if (done) return Buffer.concat(chunks, size);
      size += value.length;
      check(size);
      upload?.add(value.length);
      chunks.push(value);
    }
  } catch (error) {
    // What still comes is leftovers.ts's.
    reader.releaseLock();
    throw error;
  } finally {
    clearInterval(timer);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new OcpError("invalid_request", "The request body is not valid UTF-8.");
  }
}

/** The parser's own message may quote the body, so it is not passed on. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OcpError("invalid_request", "The request body is not valid JSON.");
  }
}

function tooLarge(maxBytes: number, because: string): OcpError {
  return new OcpError("body_too_large", `The request body is larger than the ${maxBytes} bytes ${because}.`);
}

function tooSlow(): OcpError {
  return new OcpError("slow_request", "The request body came too slowly, or stopped coming.");
}
