import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { OcpError } from "../../src/core/errors.ts";
import { sseResponse } from "../../src/server/sse.ts";
import { blockStart, contentOf, ending, errorOf, hello, helloStream, says, serve, start, text } from "./served.ts";

const keepalive = ": keepalive\n\n";

/** Reads a stream until `enough` says so of what was read. */
async function readUntil(response: Response, enough: (read: string) => boolean) {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let read = "";
  while (!enough(read)) {
    const next = await reader.read();
    if (next.done) break;
    read += next.value;
  }
  return { read, reader };
}

const count = (haystack: string, needle: string) => haystack.split(needle).length - 1;

describe("the head of a stream", () => {
  test("waits for the first event, so that a failure keeps its status", async () => {
    const beginning = Promise.withResolvers<never>();
    const served = serve({
      // biome-ignore lint/correctness/useYield: it fails before its first event.
      async *script() {
        await beginning.promise;
      },
    });
    const response = served.chat(helloStream);
    beginning.reject(new OcpError("overloaded", "Overloaded."));
    expect((await response).status).toBe(529);
  });

  test("goes out with the first heartbeat if nothing came until then; a failure is a frame after that", async () => {
    const beginning = Promise.withResolvers<never>();
    const served = serve({
      config: { heartbeatInterval: 10 },
      // biome-ignore lint/correctness/useYield: it fails before its first event.
      async *script() {
        await beginning.promise;
      },
    });
    const response = await served.chat(helloStream);
    expect(response.status).toBe(200);
    expect(response.headers.has("x-ocp-ignored")).toBe(false);
    const { read, reader } = await readUntil(response, (read) => count(read, keepalive) >= 3);
    expect(read.replaceAll(keepalive, "")).toBe("");
    beginning.reject(new OcpError("overloaded", "Overloaded."));
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) rest += next.value;
    expect(rest.replaceAll(keepalive, "")).toStartWith('data: {"error":{"message":"Overloaded."');
    expect(served.requests()).toEqual([expect.objectContaining({ status: 200, outcome: "overloaded" })]);
  });

  test("counts the time in the queue as silence", async () => {
    const served = serve({ env: { CLAUDE_MAX_CONCURRENT: "1" }, config: { heartbeatInterval: 10 } });
    const holder = await served.admission.acquire("x", new AbortController().signal);
    const response = await served.chat(helloStream);
    expect(response.status).toBe(200);
    expect(served.admission.stats().waiting).toBe(1);
    const { reader } = await readUntil(response, (read) => count(read, keepalive) >= 2);
    holder.release();
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) rest += next.value;
    expect(contentOf(rest)).toBe("Hello");
    expect(rest).toEndWith("data: [DONE]\n\n");
  });

  test("waits as long as it takes when heartbeats are off", async () => {
    const beginning = Promise.withResolvers<void>();
    const served = serve({
      config: { heartbeatInterval: 0 },
      // biome-ignore lint/correctness/useYield: it fails before its first event.
      async *script() {
        await beginning.promise;
        throw new OcpError("timeout", "Too long.");
      },
    });
    const response = served.chat(helloStream);
    expect(await Promise.race([response, Bun.sleep(30).then(() => "pending")])).toBe("pending");
    beginning.resolve();
    expect((await response).status).toBe(504);
  });

  test("never goes out early for an answer in one JSON", async () => {
    const beginning = Promise.withResolvers<void>();
    const served = serve({
      config: { heartbeatInterval: 5 },
      // biome-ignore lint/correctness/useYield: it fails before its first event.
      async *script() {
        await beginning.promise;
        throw new OcpError("timeout", "Too long.");
      },
    });
    const response = served.chat({ ...helloStream, stream: false });
    expect(await Promise.race([response, Bun.sleep(30).then(() => "pending")])).toBe("pending");
    beginning.resolve();
    expect([(await response).status, (await errorOf(await response)).code]).toEqual([504, "timeout"]);
  });
});

describe("heartbeats", () => {
  test("fill a silence in the middle of an answer, between frames and never inside one", async () => {
    const more = Promise.withResolvers<void>();
    const served = serve({
      config: { heartbeatInterval: 10 },
      async *script() {
        yield start;
        yield blockStart;
        yield text("Hel");
        await more.promise;
        yield text("lo");
        yield* ending;
      },
    });
    const response = await served.chat(helloStream);
    const { read, reader } = await readUntil(response, (read) => count(read, keepalive) >= 3);
    more.resolve();
    let all = read;
    for (let next = await reader.read(); !next.done; next = await reader.read()) all += next.value;
    expect(contentOf(all)).toBe("Hello");
    for (const frame of all.split("\n\n").slice(0, -1)) expect(frame).toMatch(/^(: keepalive|data: .*)$/);
  });

  test("stop when the client has left", async () => {
    let ends = 0;
    const silent = async function* () {
      await new Promise(() => {});
      yield "";
    };
    const response = sseResponse(silent(), {
      headers: {},
      heartbeat: 5,
      patience: 60_000,
      silentSoFar: true,
      onEnd: () => ends++,
    });
    const { read, reader } = await readUntil(response, (read) => count(read, keepalive) >= 2);
    expect(read.replaceAll(keepalive, "")).toBe("");
    await reader.cancel();
    expect(ends).toBe(1);
  });
});

describe("a stream over a socket", () => {
  test("joins frames that are ready at the same time, and delays none that is alone", async () => {
    const pieces = Array.from({ length: 200 }, (_, i) => `${i} `);
    const more = Promise.withResolvers<void>();
    const served = serve({
      async *script() {
        yield start;
        yield blockStart;
        for (const piece of pieces) yield text(piece);
        await more.promise;
        yield text("last");
        yield* ending;
      },
    });
    await using server = served.listen();
    const body = JSON.stringify(helloStream);
    const socket = connect(server.port, "127.0.0.1");
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    let received = "";
    for await (const data of socket) {
      received += data;
      if (received.includes('"199 "')) more.resolve();
    }
    expect(received).toContain('"last"');
    const chunks = received.match(/\r\n[0-9a-f]+\r\n/g)!.length;
    expect(chunks).toBeLessThan(20);
  });

  test("holds the engine back when the client does not read", async () => {
    let made = 0;
    const piece = "x".repeat(65_536);
    const served = serve({
      async *script() {
        yield start;
        yield blockStart;
        for (; made < 5_000; made++) yield text(piece);
        yield* ending;
      },
    });
    await using server = served.listen();
    const body = JSON.stringify(helloStream);
    const socket = connect(server.port, "127.0.0.1");
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    let before = -1;
    while (made !== before) {
      before = made;
      await Bun.sleep(50);
    }
    expect(made).toBeLessThan(1_000);
    socket.destroy();
  });

  test("serves many at once, each its own", async () => {
    const served = serve({
      env: { CLAUDE_MAX_CONCURRENT: "50" },
      async *script(conversation, context) {
        const [block] = conversation.messages[0]!.content;
        const name = block?.type === "text" ? block.text : "";
        yield* says(...Array.from({ length: 20 }, () => name))(conversation, context);
      },
    });
    await using server = served.listen();
    const all = Array.from({ length: 50 }, async (_, i) => {
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ stream: true, messages: [{ role: "user", content: `<${i}>` }] }),
      });
      expect(contentOf(await response.text())).toBe(`<${i}>`.repeat(20));
    });
    await Promise.all(all);
    expect(served.admission.stats().running).toBe(0);
    expect(served.requests()).toHaveLength(50);
  });

  /** A client that asks for a stream and reads nothing of it after the first piece. */
  async function stalled(port: number) {
    const body = JSON.stringify(helloStream);
    const socket = connect(port, "127.0.0.1");
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    return socket;
  }
  const large = Array.from({ length: 500 }, () => "x".repeat(65_536));

  test("gives its place back when the answer is complete, however slowly it is read", async () => {
    const served = serve({
      env: { CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "0" },
      async *script(conversation, context) {
        context.onDone?.();
        yield* says(...large)(conversation, context);
      },
    });
    await using server = served.listen();
    const socket = await stalled(server.port);
    expect(served.admission.stats().running).toBe(0);
    const other = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(hello) });
    expect(other.status).toBe(200);
    // One that is not read is left when it is collected as garbage.
    await other.text();
    let received = "";
    socket.on("data", (data) => {
      received = (received + data).slice(-200);
      if (received.includes("[DONE]")) socket.end();
    });
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(received).toContain("[DONE]");
    expect(served.requests().map(({ outcome }) => outcome)).not.toContain("client_left");
  });

  test("is cut when nothing of it was read for the time that a turn may take", async () => {
    const returned = Promise.withResolvers<void>();
    const served = serve({
      config: { timeout: 300 },
      async *script(conversation, context) {
        try {
          yield* says(...large)(conversation, context);
        } finally {
          returned.resolve();
        }
      },
    });
    await using server = served.listen();
    const socket = await stalled(server.port);
    const cut = new Promise((resolve) => socket.once("close", resolve));
    await returned.promise;
    expect(served.admission.stats().running).toBe(0);
    expect(served.requests()).toEqual([expect.objectContaining({ status: 200, outcome: "client_left" })]);
    // What is on its way already may still be read, but no end of an answer.
    let received = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      received = (received + data).slice(-200);
    });
    socket.resume();
    await cut;
    expect(received).not.toContain("[DONE]");
  });

  test("is not cut while it is read, however slowly, nor while the engine is silent", async () => {
    const served = serve({
      config: { timeout: 300 },
      async *script() {
        yield start;
        yield blockStart;
        yield text("Hel");
        await Bun.sleep(700);
        yield text("lo");
        yield* ending;
      },
    });
    await using server = served.listen();
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify(helloStream),
    });
    expect(contentOf(await response.text())).toBe("Hello");
  });
});
