/** Requests that nobody should send: each a list of pieces to write, which may not even be HTTP. */

import { bodyOf } from "./bodies.ts";
import type { Random } from "./random.ts";

export interface FuzzRequest {
  pieces: Buffer[];
  /** Ms between two pieces. */
  pause: number;
  /** After the last piece: wait for the answer, say that nothing more comes, or leave without a word. */
  afterwards: "wait" | "end" | "leave";
  /** Whether the server owes an answer: what is no HTTP it may just hang up on. */
  isHttp: boolean;
}

/** One that a client with manners can send, over a connection that it uses again. */
export interface PoliteRequest {
  method: string;
  target: string;
  headers: Array<[string, string]>;
  body: Buffer | null;
}

const paths = [
  ...["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/messages/count_tokens"],
  ...["/v1/models", "/v1/models/sonnet", "/v1/embeddings", "/v1/completions", "/v1/responses/resp_1"],
  ...["/", "/health", "/sessions", "/metrics", "/swagger", "/swagger/json", "/api/hello", "/dashboard", "/connect"],
  ...[
    "/usage",
    "/status",
    "/logs",
    "/settings",
    "/cache",
    "/cache/stats",
    "/api/keys",
    "/api/keys/x",
    "/api/keys/x/quota",
  ],
  ...["/api/usage", "/api/me"],
];
/** Those that take a body are asked more often. */
const busy = paths.slice(0, 4);
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/** `key`: what most of them present; null where no key is wanted. */
export function requestOf(random: Random, key: string | null): FuzzRequest | PoliteRequest {
  const kind = random.int(20);
  if (kind === 0) return { ...oneGo(random.bytes(1 + random.int(2_000))), afterwards: "end" };
  if (kind <= 2) return { ...oneGo(Buffer.from(brokenHead(random), "latin1")), afterwards: "end" };
  if (kind <= 5) return politeRequest(random, key);
  const one = () => aRequest(random, key);
  const request = one();
  if (random.chance(0.03)) {
    // The server closes after its answer to the first, and what still comes then may cost the client that answer.
    const both = Buffer.concat([request, one()]);
    return random.chance(0.5) ? oneGo(both) : { ...oneGo(both), pieces: cutUp(random, both), pause: 1 };
  }
  const whole: FuzzRequest = { ...oneGo(request), isHttp: true };
  if (kind === 6) return { ...whole, pieces: cutUp(random, request), pause: 1 + random.int(10) };
  if (kind === 8 && random.chance(0.2)) return trickle(random, request);
  if (kind === 7) {
    const half = request.subarray(0, random.int(request.length));
    return { ...whole, pieces: [half], afterwards: random.pick(["end", "leave"] as const), isHttp: false };
  }
  return whole;
}

function oneGo(bytes: Buffer): FuzzRequest {
  return { pieces: [bytes], pause: 0, afterwards: "wait", isHttp: false };
}

/** Comes so slowly that it would take minutes, for some seconds: a client that is slow, or means to hold a place. */
function trickle(random: Random, request: Buffer): FuzzRequest {
  const size = 1 + random.int(200);
  const pieces = Array.from({ length: 5 + random.int(15) }, (_, at) => request.subarray(at * size, (at + 1) * size));
  const pause = 50 + random.int(500);
  const afterwards = random.pick(["end", "leave"] as const);
  return { pieces: pieces.filter((piece) => piece.length > 0), pause, afterwards, isHttp: false };
}

function cutUp(random: Random, request: Buffer): Buffer[] {
  const size = 1 + Math.ceil(request.length / (2 + random.int(8)));
  return Array.from({ length: Math.ceil(request.length / size) }, (_, at) =>
    request.subarray(at * size, (at + 1) * size),
  );
}

function politeRequest(random: Random, key: string | null): PoliteRequest {
  const [method, path] = random.chance(0.7) ? ["POST", random.pick(busy)] : [random.pick(methods), random.pick(paths)];
  const target = random.chance(0.85) ? path : encodeURI(oddPath(random, path));
  const hasBody = ["POST", "PUT", "PATCH", "DELETE"].includes(method) && random.chance(0.95);
  const headers = Array.from({ length: random.int(3) }, () => oddHeader(random));
  if (key !== null && random.chance(0.95)) headers.push(["Authorization", `Bearer ${key}`]);
  return { method, target, headers, body: hasBody ? bodyOf(random, path) : null };
}

/** A head that HTTP allows, whatever it says, and a body that may be anything. */
function aRequest(random: Random, key: string | null): Buffer {
  const { method, target, headers, body } = politeRequest(random, key);
  const sent = body ?? (random.chance(0.05) ? bodyOf(random, "") : Buffer.alloc(0));
  const chunked = sent.length > 0 && random.chance(0.15);
  const lines = [
    `Host: ${random.chance(0.95) ? "localhost" : headerText(random, 30)}`,
    // It also makes the server hang up after its answer, which is how the end of one is known.
    "Connection: close",
    ...(chunked ? ["Transfer-Encoding: chunked"] : sent.length > 0 ? [`Content-Length: ${sent.length}`] : []),
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), chunked ? inChunks(random, sent) : sent]);
}

function oddPath(random: Random, path: string): string {
  const odd = random.text(20).toWellFormed();
  return random.pick([
    `${path}?${odd}`,
    `${path}/${odd}`,
    `/${odd}${path}`,
    `/${odd}`,
    `${path}${"/".repeat(random.int(50))}`,
    path.toUpperCase(),
    path.replaceAll("/", "//"),
    `${path}/../..${path}`,
    `${path}?${"a=b&".repeat(random.int(1_000))}`,
    `/${"x".repeat(random.int(8_000))}`,
  ]);
}

function oddHeader(random: Random): [string, string] {
  const name = random.pick([
    ...[
      "Authorization",
      "x-api-key",
      "Origin",
      "Sec-Fetch-Site",
      "X-Forwarded-For",
      "Content-Type",
      "Content-Encoding",
    ],
    ...[
      "anthropic-version",
      "anthropic-beta",
      "Accept",
      "Accept-Encoding",
      "If-None-Match",
      "Range",
      "Cookie",
      "Expect",
    ],
    ...["X-Session-Id", "X-Conversation-Id", "Access-Control-Request-Method", "Upgrade", "X-HTTP-Method-Override"],
  ]);
  const value = random.pick([
    headerText(random, 60),
    ...[
      "Bearer ",
      "Bearer sk-x",
      "Bearer ocp_0123456789abcdefghijklmnopqrstuv",
      "null",
      "http://localhost",
      "cross-site",
    ],
    ...[
      "application/json",
      "text/plain",
      "gzip",
      "identity",
      "2023-06-01",
      "bytes=0-1",
      "*/*",
      "websocket",
      "127.0.0.1",
    ],
  ]);
  // It would ask for a `100 Continue` first, or for a protocol that is not spoken here.
  return [name, name === "Expect" || name === "Upgrade" ? "x" : value];
}

/** What a header may hold. */
function headerText(random: Random, most: number): string {
  return random.text(most).replace(/[^\t\x20-\x7e\x80-\xff]/g, "");
}

function inChunks(random: Random, body: Buffer): Buffer {
  const size = 1 + random.int(Math.max(1, Math.ceil(body.length / 3)));
  const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, at) => {
    const chunk = body.subarray(at * size, (at + 1) * size);
    return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]);
  });
  return Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]);
}

/** A head that HTTP does not allow. */
function brokenHead(random: Random): string {
  const path = random.pick(paths);
  const rest = `Host: localhost\r\nConnection: close\r\n`;
  return random.pick([
    () => `GET ${path}\r\n\r\n`,
    () => `${path} GET HTTP/1.1\r\n${rest}\r\n`,
    () => `GET ${path} HTTP/${random.int(20)}.${random.int(20)}\r\n${rest}\r\n`,
    () => `GET ${path} HTTP/1.1\n${rest.replaceAll("\r", "")}\n`,
    () => `GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`,
    () => `GET ${random.text(40)} HTTP/1.1\r\n${rest}\r\n`,
    () => `${random.text(10)} ${path} HTTP/1.1\r\n${rest}\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${rest}${random.text(30)}\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${rest}${random.text(10)}: ${random.text(30)}\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${rest}X: ${"a".repeat(20_000 + random.int(100_000))}\r\n\r\n`,
    () => `GET ${path} HTTP/1.1\r\n${rest}${"X: a\r\n".repeat(150 + random.int(5_000))}\r\n`,
    () => `GET /${"a".repeat(20_000 + random.int(100_000))} HTTP/1.1\r\n${rest}\r\n`,
    () =>
      `POST ${path} HTTP/1.1\r\n${rest}Content-Length: ${random.pick(["-1", "+1", "0x1", "1,1", "99999999999999999999", " "])}\r\n\r\nx`,
    () => `POST ${path} HTTP/1.1\r\n${rest}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`,
    () => `POST ${path} HTTP/1.1\r\n${rest}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    () =>
      `POST ${path} HTTP/1.1\r\n${rest}Transfer-Encoding: ${random.pick(["x", "gzip, chunked", "chunked, chunked", ""])}\r\n\r\n0\r\n\r\n`,
    () =>
      `POST ${path} HTTP/1.1\r\n${rest}Transfer-Encoding: chunked\r\n\r\n${random.pick(["zz", "-1", "1;", "ffffffffffffffffff", "\r\n"])}\r\nx\r\n0\r\n\r\n`,
    () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    () => `\x16\x03\x01${random.text(100)}`,
    () => "\r\n".repeat(random.int(1_000)),
  ])();
}
