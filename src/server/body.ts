/**
 * Reads a request's JSON body within a limit of bytes. Elysia's own parser is not used: it wants a content type,
 * which `curl -d` does not send, and Bun answers a body over its limit with an empty 413.
 */

import { OcpError } from "../core/errors.ts";
import { maxDepth, maxNumber, maxValues, shapeOf } from "../core/json-bounds.ts";
import type { Upload, Uploads } from "./uploads.ts";

/** Bodies that come more slowly are cut. */
export interface Pace {
  /** The fewest bytes that come in `time` ms. */
  bytes: number;
  time: number;
  /** The fewest bytes a second of the whole body, once `grace` ms have passed. */
  average: number;
  grace: number;
}

/** 32 MB come within 17 minutes, and a body of 1 MB within the first minute at 17 KB/s: an old DSL line sends faster. */
const slowest: Pace = { bytes: 4_096, time: 20_000, average: 32_768, grace: 60_000 };
/** Bytes; smaller bodies are parsed at once. */
const large = 65_536;

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
  const announced = Math.max(0, Number(request.headers.get("content-length")) || 0);
  if (announced > maxBytes) throw tooLarge(maxBytes, because);
  const upload = uploads?.begin(request, announced);
  try {
    const bytes = await readBytes(
      request,
      (size) => {
        if (size > maxBytes) throw tooLarge(maxBytes, because);
      },
      pace,
      announced,
      upload,
    ).finally(() => upload?.end());
    if (bytes.length === 0 && mayBeEmpty) return {};
    if (bytes.length === 0) throw new OcpError("invalid_request", "The request has no body; it must be a JSON object.");
    if (bytes.length > large) await upload?.turn();
    const value = parse(decode(bytes), upload);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new OcpError("invalid_request", "The request body must be a JSON object.");
  } catch (error) {
    upload?.drop();
    throw error;
  }
}

async function readBytes(
  request: Request,
  check: (size: number) => void,
  pace: Pace,
  announced: number,
  upload?: Upload,
): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array();
  const began = performance.now();
  const reader = request.body.getReader();
  const slow = Promise.withResolvers<never>();
  slow.promise.catch(() => {});
  // One buffer, whose pieces are garbage as soon as they are copied. It grows with what comes: the engine takes time for
  // a large one, and an announcement costs its client nothing.
  let whole = new Uint8Array(Math.min(announced, large));
  let size = 0;
  let before = 0;
  const timer = setInterval(() => {
    const elapsed = performance.now() - began;
    const isSlow = elapsed > pace.grace && size < (pace.average * elapsed) / 1000;
    if (isSlow || size - before < pace.bytes) slow.reject(tooSlow());
    before = size;
  }, pace.time);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), slow.promise]);
      if (done) return whole.subarray(0, size);
      size += value.length;
      check(size);
      upload?.add(value.length);
      if (size > whole.length) whole = enlarged(whole, size, announced);
      whole.set(value, size - value.length);
    }
  } catch (error) {
    // What still comes is leftovers.ts's.
    reader.releaseLock();
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Returns a copy with room for `size` bytes at least and twice as many at most. */
function enlarged(buffer: Uint8Array, size: number, announced: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size <= announced ? Math.min(announced, 2 * size) : 2 * size);
  larger.set(buffer);
  return larger;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new OcpError("invalid_request", "The request body is not valid UTF-8.");
  }
}

const excess = {
  depth: `nests more than ${maxDepth} levels deep`,
  values: `holds more than ${maxValues} values and names`,
  number: `holds a number of more than ${maxNumber} characters`,
};

/** The parser's own message may quote the body, so it is not passed on. */
function parse(text: string, upload?: Upload): unknown {
  const { over, name, values } = shapeOf(text);
  if (over !== null) {
    throw new OcpError("invalid_request", `The request body ${excess[over]}.`, name === null ? {} : { param: name });
  }
  upload?.values(values);
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
