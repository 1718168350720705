/**
 * Reads a request's JSON body within a limit of bytes. Elysia's own parser is not used: it wants a content type,
 * which `curl -d` does not send, and Bun answers a body over its limit with an empty 413.
 */

import { OcpError } from "../core/errors.ts";

/**
 * The body as a JSON object. `maxBytes` counts bytes as sent; `because` says where that limit comes from.
 * Throws OcpError body_too_large or invalid_request, and the request's abort reason when the upload is cut.
 */
export async function readJsonObject(
  request: Request,
  maxBytes: number,
  because = "that CLAUDE_MAX_BODY_SIZE allows",
): Promise<Record<string, unknown>> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "") {
    throw new OcpError("invalid_request", "Compressed bodies are not taken: send the JSON without Content-Encoding.");
  }
  const bytes = await readBytes(request, maxBytes, because);
  if (bytes.length === 0) throw new OcpError("invalid_request", "The request has no body; it must be a JSON object.");
  const value = parse(decode(bytes));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OcpError("invalid_request", "The request body must be a JSON object.");
  }
  return value as Record<string, unknown>;
}

async function readBytes(request: Request, maxBytes: number, because: string): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    if (Number(announced) > maxBytes) throw tooLarge(maxBytes, because);
    return request.bytes();
  }
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes, because);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
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
