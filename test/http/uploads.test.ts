/** Bodies that come slowly, never end, or are many. */

import { describe, expect, test } from "bun:test";
import { wellKnown } from "../../src/core/principal.ts";
import { readJsonObject } from "../../src/server/body.ts";
import { callerOf } from "../../src/server/caller.ts";
import { createRequestMemory } from "../../src/server/request-memory.ts";
import { waitUntil } from "../harness/processes.ts";
import { flood, head, type RawSocket, raw } from "./raw.ts";
import { adminKey, hello, serve } from "./served.ts";

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
        readJsonObject(request, 1_000_000, { pace: { bytes: 10, time: 100, average: 500, grace: 400 } }).then(
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
    const text = JSON.stringify({ a: "x".repeat(1_600) });
    using one = raw({ port: server.port! }, head("POST", path, { "Content-Length": text.length }));
    for (let at = 0; at < text.length; at += 80) {
      one.socket.write(text.slice(at, at + 80));
      await Bun.sleep(25);
    }
    await one.said(text);
    expect(one.text()).toStartWith("HTTP/1.1 200 ");
  });

  test("for long is cut, though some of it comes all the time", async () => {
    await using server = impatient();
    using one = raw({ port: server.port! }, head("POST", path, { "Content-Length": 100_000 }));
    // 200 bytes a second: enough in each 100 ms, too few in all.
    const drip = setInterval(() => one.socket.write("x".repeat(10)), 50);
    await one.said("slow_request");
    clearInterval(drip);
    expect(one.text()).toStartWith("HTTP/1.1 408 ");
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
  const half = (port: number, { bytes = 3, length = 1_900, key = "" } = {}) => {
    const headers = { "Content-Length": length, ...(key === "" ? {} : { Authorization: `Bearer ${key}` }) };
    return raw({ port }, head("POST", path, headers) + "x".repeat(bytes));
  };
  const ask = (url: string, key = "") =>
    fetch(url + path, {
      method: "POST",
      body: JSON.stringify(hello),
      ...(key === "" ? {} : { headers: { authorization: `Bearer ${key}` } }),
    });

  /** Resolves with the one that is refused; which of them it is depends on how they arrive. */
  const firstRefused = (open: RawSocket[]) =>
    Promise.race(open.map((one) => one.said("HTTP/1.1 429 ").then(() => one)));

  test("of one caller are a bounded number: one more is a 429, others are served, and one that ends makes place", async () => {
    const served = serve();
    await using server = served.listen();
    const { secret } = served.store.keys.create("other", null);
    const open = Array.from({ length: 65 }, () => half(server.port));
    const late = await firstRefused(open);
    expect(late.text()).toContain("rate_limit_exceeded");
    expect(late.text()).toMatch(/^retry-after: \d+\r$/im);
    expect((await ask(server.url, secret)).status).toBe(200);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const left = served.requests().length;
    open.find((one) => one !== late)!.socket.destroy();
    while (served.requests().length === left) await new Promise(setImmediate);
    expect((await ask(server.url)).status).toBe(200);
    for (const one of open) one.socket.destroy();
  });

  test("are a bounded number in all, but whoever sends no other may send one", async () => {
    const served = serve();
    await using server = served.listen();
    const [other = "", ...keys] = Array.from(
      { length: 6 },
      (_, at) => served.store.keys.create(`key ${at}`, null).secret,
    );
    const open = keys.flatMap((key) => Array.from({ length: 52 }, () => half(server.port, { key })));
    expect((await firstRefused(open)).text()).toContain("retry-after");
    expect((await ask(server.url, other)).status).toBe(200);
    expect((await ask(server.url)).status).toBe(200);
    for (const one of open) one.socket.destroy();
  });

  test("are charged by what they announce, before it comes, and give it back", async () => {
    const served = serve({ env: { OCP_REQUEST_MEMORY: String(16 * 2 ** 20) } });
    await using server = served.listen();
    const other = served.store.keys.create("other", null).secret;
    const charged = async () => {
      const metrics = await served.send("/metrics", { headers: { authorization: `Bearer ${adminKey}` } });
      return Number(/^ocp_request_memory_bytes (\d+)$/m.exec(await metrics.text())?.[1]) > 6_000_000;
    };
    // Half of 16 MiB is a caller's, and a body is charged four times.
    using first = half(server.port, { length: 1_500_000 });
    await waitUntil("the first is charged", charged);
    using second = half(server.port, { length: 1_500_000 });
    await second.said("OCP_REQUEST_MEMORY");
    expect(second.text()).toStartWith("HTTP/1.1 429 ");
    expect(second.text()).toMatch(/^retry-after: 5\r$/im);
    expect((await ask(server.url, other)).status).toBe(200);
    const left = served.requests().length;
    first.socket.destroy();
    while (served.requests().length === left) await new Promise(setImmediate);
    expect(await charged()).toBe(false);
    using third = half(server.port, { length: 1_500_000 });
    await waitUntil("the third is charged", charged);
    expect(third.text()).toBe("");
  });
});

describe("memory that requests hold", () => {
  const memoryOf = (max = 1_000_000) => {
    let collected = 0;
    const memory = createRequestMemory({ max: () => max, retryAfter: () => 7, collect: () => collected++ });
    return { ...memory, collected: () => collected };
  };

  test("is shared: half is the most of one caller, and another has the rest", () => {
    const { open, held } = memoryOf();
    const greedy = open("greedy");
    greedy.take(400_000);
    const more = open("greedy");
    expect(() => more.take(100_000)).toThrow(expect.objectContaining({ code: "queue_full", retryAfter: 7 }));
    open("other").take(300_000);
    expect(() => open("a third").take(300_000)).toThrow("The requests of others");
    greedy.end();
    greedy.end();
    more.take(100_000);
    more.end();
    expect(held()).toBeLessThan(350_000);
  });

  test("is never so short that a caller who holds none of it cannot ask for little, up to a quarter more in all", () => {
    const { open, held } = memoryOf(64_000_000);
    for (const caller of ["a", "b"]) open(caller).take(31_900_000);
    const small = open("c");
    small.take(500_000);
    expect(() => small.take(1_000_000)).toThrow("The requests of others");
    expect(() => open("c")).toThrow("The requests of others");
    for (let count = 0; count < 100; count++) {
      try {
        open(`caller ${count}`).take(500_000);
      } catch {}
    }
    expect(held()).toBeGreaterThan(75_000_000);
    expect(held()).toBeLessThanOrEqual(80_000_000);
  });

  test("lets one request of a caller take more than half, so that none is too large for it", () => {
    const { open } = memoryOf();
    const large = open("large");
    large.take(2_000_000);
    expect(() => open("large")).toThrow("Your requests");
    const other = open("other");
    other.take(400_000);
    large.end();
    open("large").take(10_000);
  });

  test("is collected soon after much of it has come and gone", async () => {
    const { open, collected } = memoryOf(2 ** 30);
    open("a").take(30 * 2 ** 20);
    await new Promise(setImmediate);
    expect(collected()).toBe(0);
    const one = open("a");
    one.take(30 * 2 ** 20);
    one.end();
    await new Promise(setImmediate);
    expect(collected()).toBe(1);
  });

  test("is collected no more often than collecting takes a small part of the time", async () => {
    let collected = 0;
    const collect = () => {
      collected++;
      Bun.sleepSync(20);
    };
    const memory = createRequestMemory({ max: () => 2 ** 30, retryAfter: () => 7, collect });
    for (let count = 0; count < 20; count++) {
      const one = memory.open("a");
      one.take(40 * 2 ** 20);
      one.end();
      await new Promise(setImmediate);
    }
    expect(collected).toBe(1);
    await waitUntil("what came meanwhile is collected too", async () => collected === 2);
  });
});

describe("who is counted as one", () => {
  const key = { id: "key-7", name: "k", role: "user" as const, keyId: 7 };

  test.each([
    ["a key, wherever it comes from", key, "10.0.0.1", "key-7"],
    ["a key behind a proxy", key, "127.0.0.1", "key-7"],
    ["programs on this machine", wellKnown("local", "user"), "127.0.0.1", "local"],
    ["each neighbour that needs no key", wellKnown("remote", "remote"), "10.0.0.1", "remote 10.0.0.1"],
    ["each neighbour with the shared key", wellKnown("shared", "user"), "::ffff:10.0.0.2", "shared 10.0.0.2"],
    ["guests by their network", wellKnown("anonymous", "anonymous"), "2001:db8::1", "anonymous 2001:db8:0:0::/64"],
    ["all that a proxy lets in without a key", wellKnown("remote", "remote"), "127.0.0.1", "remote"],
  ])("%s", (_name, principal, address, caller) => {
    expect(callerOf({ principal, address })).toBe(caller);
  });
});
