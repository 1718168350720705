/** Bodies that come slowly, never end, or are many. */

import { describe, expect, test } from "bun:test";
import { readJsonObject } from "../../src/server/body.ts";
import { createUploads } from "../../src/server/uploads.ts";
import { flood, head, type RawSocket, raw } from "./raw.ts";
import { hello, serve } from "./served.ts";

const path = "/v1/chat/completions";
const blockOf = (bytes: number) => new Uint8Array(bytes).fill(97);
const chunk = Buffer.concat([Buffer.from("10000\r\n"), blockOf(65_536), Buffer.from("\r\n")]);

describe("a body that comes slowly", () => {
  /** A server with little patience. */
  function impatient() {
    return Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) =>
        readJsonObject(request, 1_000_000, { pace: { bytes: 10, time: 100 } }).then(
          (body) => Response.json(body),
          (error) => Response.json({ code: error.code }, { status: error.status }),
        ),
    });
  }

  test.each([{ "Content-Length": 1_000 }, { "Transfer-Encoding": "chunked" }])(
    "or stops is cut, however it is sent: %j",
    async (headers) => {
      await using server = impatient();
      const ask = () => raw({ port: server.port! }, head("POST", path, headers as Record<string, string>));
      using silent = ask();
      using dripping = ask();
      const drip = setInterval(() => dripping.socket.write("Content-Length" in headers ? "a" : "1\r\na\r\n"), 20);
      for (const one of [silent, dripping]) {
        await one.said("slow_request");
        expect(one.text()).toStartWith("HTTP/1.1 408 ");
      }
      clearInterval(drip);
    },
  );

  test("but steadily is waited for", async () => {
    await using server = impatient();
    const text = JSON.stringify({ a: "x".repeat(400) });
    using one = raw({ port: server.port! }, head("POST", path, { "Content-Length": text.length }));
    for (let at = 0; at < text.length; at += 20) {
      one.socket.write(text.slice(at, at + 20));
      await Bun.sleep(25);
    }
    await one.said(text);
    expect(one.text()).toStartWith("HTTP/1.1 200 ");
  });
});

describe("what comes after the answer", () => {
  /** Bytes: 64 MiB are read over, and buffers on the way hold a few MB. */
  const most = 64 * 2 ** 20 + 20e6;
  const limited = { env: { CLAUDE_MAX_BODY_SIZE: "2000" } };
  const keyed = { env: { CLAUDE_AUTH_MODE: "multi", OCP_TRUST_LOOPBACK: "0" } };

  test.each<[string, Parameters<typeof serve>[0], string]>([
    ["a body over the limit", limited, "HTTP/1.1 413 "],
    ["a body of a stranger", keyed, "HTTP/1.1 401 "],
  ])("of %s is not read for ever, and the answer arrives as JSON", async (_name, options, status) => {
    await using server = serve(options).listen();
    for (const [headers, block] of [
      [{ "Content-Length": 1_000_000_000_000 }, blockOf(65_536)],
      [{ "Transfer-Encoding": "chunked" }, chunk],
    ] as const) {
      using one = raw(server, head("POST", path, headers as Record<string, string>));
      const sent = flood(one, block);
      await one.said('{"error":{');
      expect(one.text()).toStartWith(status);
      expect(one.text()).toMatch(/^connection: close\r$/im);
      expect(await sent).toBeLessThan(most);
    }
  });

  test("of a request that takes no body is not read for ever either", async () => {
    await using server = serve().listen();
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      using one = raw(server, head(method, path, { "Transfer-Encoding": "chunked" }));
      expect(await flood(one, chunk)).toBeLessThan(most);
    }
  });

  test("of a client that wants the connection closed does not cost it the answer", async () => {
    await using server = serve(keyed).listen();
    for (const version of ["1.0", "1.1"]) {
      const request = `POST ${path} HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 60\r\n\r\n`;
      using one = raw(server, request);
      const drip = setInterval(() => one.socket.write("x".repeat(10)), 30);
      expect(await one.closed).toMatch(/^HTTP\/1\.1 401 [\s\S]*invalid_api_key/);
      clearInterval(drip);
    }
  });

  test("of a refused body that is not long does not cost the connection", async () => {
    await using server = serve(limited).listen();
    const text = "x".repeat(3_000);
    using one = raw(server, `${head("POST", path, { "Content-Length": text.length })}${text}${head("GET", "/health")}`);
    await one.said('"status":"ok"');
    expect(one.text()).toStartWith("HTTP/1.1 413 ");
  });
});

describe("many bodies at the same time", () => {
  const half = (port: number, bytes = 3) =>
    raw({ port }, head("POST", path, { "Content-Length": 1_900 }) + "x".repeat(bytes));

  test("are a bounded number: one more is a 429, and is taken when another has ended", async () => {
    const served = serve();
    await using server = served.listen();
    const open: RawSocket[] = [];
    for (let count = 0; count < 256; count++) open.push(half(server.port));
    using late = half(server.port);
    await late.said("rate_limit_exceeded");
    expect(late.text()).toStartWith("HTTP/1.1 429 ");
    expect(late.text()).toMatch(/^retry-after: \d+\r$/im);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const left = served.requests().length;
    open.pop()!.socket.destroy();
    while (served.requests().length === left) await new Promise(setImmediate);
    expect((await fetch(server.url + path, { method: "POST", body: JSON.stringify(hello) })).status).toBe(200);
    for (const one of open) one.socket.destroy();
  });

  test("are bounded together in memory", async () => {
    await using server = serve({ env: { CLAUDE_MAX_BODY_SIZE: "2000" } }).listen();
    const open = Array.from({ length: 9 }, () => half(server.port, 1_800));
    const refused = await Promise.race(open.map((one) => one.said("HTTP/1.1 429 ").then(() => one)));
    expect(open.filter((one) => one.text() !== "")).toEqual([refused]);
    for (const one of open) one.socket.destroy();
  });

  describe("of one neighbour", () => {
    const uploadsOf = (limits: { count: number; each: number; bytes: number }) => {
      const lifted: boolean[] = [];
      const uploads = createUploads({
        limits,
        addressOf: (request) => request.headers.get("from"),
        lift: (_, on) => void lifted.push(on),
      });
      const begin = (from: string) => uploads.begin(new Request("http://localhost/", { headers: { from } }));
      return { begin, lifted };
    };

    test("are fewer, so that it keeps out nobody else; programs on this machine are no neighbour", () => {
      const { begin } = uploadsOf({ count: 5, each: 2, bytes: 100 });
      const first = begin("10.0.0.1");
      begin("10.0.0.1");
      expect(() => begin("10.0.0.1")).toThrow("at the same time");
      begin("10.0.0.2");
      first.end();
      begin("10.0.0.1");
      for (let count = 0; count < 2; count++) begin("127.0.0.1");
      expect(() => begin("127.0.0.1")).toThrow("at the same time");
    });

    test("are counted by the network of an IPv6 address", () => {
      const { begin } = uploadsOf({ count: 9, each: 1, bytes: 100 });
      begin("2001:db8::1");
      expect(() => begin("2001:db8::2")).toThrow();
      begin("2001:db8:0:1::1");
    });

    test("give their memory back, and the server its own timeout", () => {
      const { begin, lifted } = uploadsOf({ count: 9, each: 9, bytes: 100 });
      const first = begin("10.0.0.1");
      first.add(60);
      const second = begin("10.0.0.2");
      expect(() => second.add(41)).toThrow("at the same time");
      first.end();
      second.add(100);
      second.end();
      expect(lifted).toEqual([true, true, false, false]);
    });
  });
});
