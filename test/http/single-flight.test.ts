/** Requests that ask the same at the same time: one turn, and each client reads it as if it were its own. */

import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { OcpError } from "../../src/core/errors.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { aborted, blockStart, contentOf, ending, errorOf, helloStream, serve, start, text } from "./served.ts";

/** A turn that says what it is told to, when it is told to. */
function director() {
  const queue: Array<{ event?: TurnEvent; error?: unknown }> = [];
  let wake = () => {};
  const put = (one: (typeof queue)[number]) => {
    queue.push(one);
    wake();
  };
  const turns: AbortSignal[] = [];
  return {
    /** The signal of each turn that has begun. */
    turns,
    begins() {
      for (const event of [start, blockStart]) put({ event });
    },
    says: (piece: string) => put({ event: text(piece) }),
    ends() {
      for (const event of ending) put({ event });
    },
    fails: (error: unknown) => put({ error }),
    async *script(_conversation: unknown, { signal }: { signal: AbortSignal }): AsyncGenerator<TurnEvent, void, void> {
      turns.push(signal);
      for (;;) {
        const next = queue.shift();
        if (next?.error) throw next.error;
        if (next?.event) yield next.event;
        if (next?.event?.type === "end") return;
        if (next) continue;
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), aborted(signal)]);
        signal.throwIfAborted();
      }
    },
  };
}

const question = { messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
const path = "/v1/chat/completions";

function stage(env: Record<string, string> = {}) {
  const turn = director();
  const served = serve({ script: turn.script, env: { CLAUDE_CACHE_TTL: "60000", ...env } });
  const server = served.listen();
  const stats = async () => (await (await fetch(`${server.url}/cache/stats`)).json()) as Record<string, number>;

  /** Resolves when this many clients read turns that may be followed. */
  async function readers(count: number) {
    while ((await stats()).requesters !== count);
  }

  function ask(body: object = { stream: true }, init: RequestInit & { path?: string } = {}) {
    const client = new AbortController();
    const response = fetch(`${server.url}${init.path ?? path}`, {
      method: "POST",
      body: JSON.stringify({ ...question, ...body }),
      signal: client.signal,
      ...init,
    });
    let read = "";
    let pieces: AsyncIterator<string> | undefined;
    const next = async () => {
      pieces ??= (await response).body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
      return pieces.next();
    };
    return {
      response,
      leave: () => {
        response.catch(() => {});
        client.abort();
      },
      outcome: async () => (await response).headers.get("x-ocp-cache"),
      /** Reads a stream until it holds this. */
      async sees(piece: string) {
        while (!read.includes(piece)) {
          const { done, value } = await next();
          if (done) throw new Error(`The stream ended without ${piece}: ${read}`);
          read += value;
        }
      },
      async rest() {
        for (let piece = await next(); !piece.done; piece = await next()) read += piece.value;
        return read;
      },
      /** The text of the whole answer. */
      async text() {
        const whole = await this.rest();
        return whole.startsWith("{") ? JSON.parse(whole).choices[0].message.content : contentOf(whole);
      },
    };
  }

  return {
    turn,
    served,
    port: server.port,
    ask,
    readers,
    stats,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const streaming = { stream: true };
const whole = { stream: false };

describe("ten clients that ask the same at once", () => {
  test("are one turn, and each sees every piece as it comes", async () => {
    await using on = stage();
    const clients = Array.from({ length: 10 }, () => on.ask());
    await on.readers(10);
    on.turn.begins();
    for (const piece of ["one ", "two ", "three"]) {
      on.turn.says(piece);
      await Promise.all(clients.map((client) => client.sees(piece)));
    }
    on.turn.ends();
    expect(await Promise.all(clients.map((client) => client.text()))).toEqual(Array(10).fill("one two three"));
    expect(on.turn.turns).toHaveLength(1);
    const outcomes = await Promise.all(clients.map((client) => client.outcome()));
    expect(outcomes.sort()).toEqual([...Array(9).fill("hit"), "miss"]);
    expect(await on.stats()).toMatchObject({ entries: 1, inflight: 0, requesters: 0 });
  });

  test("need one place together, and none in the queue", async () => {
    await using on = stage({ CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "0" });
    const clients = Array.from({ length: 10 }, (_, i) => on.ask(i % 2 ? streaming : whole));
    await on.readers(10);
    expect(on.served.admission.stats()).toEqual({ running: 1, waiting: 0, rejected: 0 });
    on.turn.begins();
    on.turn.says("yes");
    on.turn.ends();
    expect(await Promise.all(clients.map((client) => client.text()))).toEqual(Array(10).fill("yes"));
    expect(on.served.admission.stats()).toEqual({ running: 0, waiting: 0, rejected: 0 });
  });

  test("may speak different dialects", async () => {
    await using on = stage();
    const messages = on.ask(streaming, { path: "/v1/messages" });
    const body = JSON.stringify({ input: "hi", max_output_tokens: 50 });
    const responses = on.ask({}, { path: "/v1/responses", body });
    const chat = on.ask(whole);
    await on.readers(3);
    on.turn.begins();
    on.turn.says("yes");
    on.turn.ends();
    expect(await messages.rest()).toContain('{"type":"text_delta","text":"yes"}');
    expect(JSON.parse(await responses.rest()).output[0].content[0].text).toBe("yes");
    expect(await chat.text()).toBe("yes");
    expect(on.turn.turns).toHaveLength(1);
  });
});

test.each<[string, object, Record<string, string>]>([
  ["of a session", { session_id: "s" }, {}],
  ["with tools", { tools: [{ type: "function", function: { name: "f" } }] }, {}],
  ["while the cache is off", {}, { CLAUDE_CACHE_TTL: "0" }],
])("requests %s share nothing", async (_name, body, env) => {
  await using on = stage(env);
  const clients = [on.ask(body), on.ask(body)];
  while (on.turn.turns.length < 2) await new Promise(setImmediate);
  expect((await on.stats()).inflight).toBe(0);
  for (const client of clients) client.leave();
});

describe("who comes later", () => {
  test("gets what was said from its beginning, then each piece as it comes", async () => {
    await using on = stage();
    const first = on.ask();
    on.turn.begins();
    on.turn.says("one ");
    await first.sees("one ");
    const second = on.ask();
    await second.sees("one ");
    on.turn.says("two");
    await Promise.all([first.sees("two"), second.sees("two")]);
    on.turn.ends();
    expect([await first.text(), await second.text()]).toEqual(["one two", "one two"]);
    expect(on.turn.turns).toHaveLength(1);
  });

  test("gets the kept answer once the turn has ended", async () => {
    await using on = stage();
    const first = on.ask(whole);
    on.turn.begins();
    on.turn.says("yes");
    on.turn.ends();
    expect(await first.text()).toBe("yes");
    const second = on.ask();
    expect([await second.outcome(), await second.text()]).toEqual(["hit", "yes"]);
    expect(on.turn.turns).toHaveLength(1);
    expect(await on.stats()).toMatchObject({ totalHits: 1 });
  });

  test("asks anew when the turn has failed", async () => {
    await using on = stage();
    const first = on.ask(whole);
    on.turn.fails(new OcpError("overloaded", "Overloaded."));
    expect((await first.response).status).toBe(529);
    const second = on.ask();
    on.turn.begins();
    on.turn.says("yes");
    on.turn.ends();
    expect([await second.outcome(), await second.text()]).toEqual(["miss", "yes"]);
    expect(on.turn.turns).toHaveLength(2);
  });
});

describe.each([
  ["streams", streaming],
  ["one JSON each", whole],
])("of three clients that want %s", (_name, body) => {
  const sayTheRest = (on: ReturnType<typeof stage>) => {
    on.turn.says("two");
    on.turn.ends();
  };

  test.each([
    ["the first leaves", 0],
    ["the last leaves", 2],
  ])("%s before anything was said, and the others are answered", async (_who, leaver) => {
    await using on = stage();
    const clients = [];
    for (let count = 1; count <= 3; count++) {
      clients.push(on.ask(body));
      await on.readers(count);
    }
    clients[leaver]!.leave();
    await on.readers(2);
    on.turn.begins();
    sayTheRest(on);
    const staying = clients.filter((_, i) => i !== leaver);
    expect(await Promise.all(staying.map((client) => client.text()))).toEqual(["two", "two"]);
    expect(on.turn.turns.map(({ aborted }) => aborted)).toEqual([false]);
    expect(await on.stats()).toMatchObject({ entries: 1 });
    const outcomes = on.served.requests().flatMap(({ path: asked, outcome }) => (asked === path ? [outcome] : []));
    expect(outcomes.sort()).toEqual(["client_left", "ok", "ok"]);
  });

  test.each([
    ["the first leaves", 0],
    ["the last leaves", 2],
  ])("%s in the middle, and the others are answered", async (_who, leaver) => {
    await using on = stage();
    const clients = [];
    for (let count = 1; count <= 3; count++) {
      clients.push(on.ask(body));
      await on.readers(count);
    }
    on.turn.begins();
    on.turn.says("one ");
    if (body.stream) await Promise.all(clients.map((client) => client.sees("one ")));
    clients[leaver]!.leave();
    await on.readers(2);
    sayTheRest(on);
    const staying = clients.filter((_, i) => i !== leaver);
    expect(await Promise.all(staying.map((client) => client.text()))).toEqual(["one two", "one two"]);
    expect(on.turn.turns.map(({ aborted }) => aborted)).toEqual([false]);
    expect(await on.stats()).toMatchObject({ entries: 1 });
  });

  test.each([[false], [true]])(
    "all leave (after the first piece: %p): the turn is stopped, and nothing kept",
    async (late) => {
      await using on = stage();
      const clients = [on.ask(body), on.ask(body), on.ask(body)];
      await on.readers(3);
      if (late) {
        on.turn.begins();
        on.turn.says("one ");
        if (body.stream) await Promise.all(clients.map((client) => client.sees("one ")));
      }
      for (const client of clients) client.leave();
      await aborted(on.turn.turns[0]!);
      expect(await on.stats()).toMatchObject({ entries: 0, inflight: 0, requesters: 0 });
      expect(on.served.admission.stats().running).toBe(0);

      const next = on.ask(body);
      await on.readers(1);
      on.turn.begins();
      sayTheRest(on);
      expect([await next.outcome(), await next.text()]).toEqual(["miss", expect.stringContaining("two")]);
      expect(on.turn.turns).toHaveLength(2);
    },
  );

  test("each hears of an error before the answer, with its status", async () => {
    await using on = stage();
    const clients = [on.ask(body), on.ask(body), on.ask(body)];
    await on.readers(3);
    on.turn.fails(new OcpError("plan_limit", "The plan is used up.", { retryAfter: 60 }));
    for (const client of clients) {
      const response = await client.response;
      expect([response.status, response.headers.get("retry-after")]).toEqual([429, "60"]);
      expect((await errorOf(response)).message).toBe("The plan is used up.");
    }
    expect(on.turn.turns).toHaveLength(1);
    expect(await on.stats()).toMatchObject({ entries: 0, inflight: 0 });
  });

  test("each hears of a defect as one, and the log has each request's id", async () => {
    await using on = stage();
    const clients = [on.ask(body), on.ask(body), on.ask(body)];
    await on.readers(3);
    on.turn.fails(new Error("boom"));
    for (const client of clients) {
      const response = await client.response;
      const { message } = await errorOf(response);
      expect([response.status, message]).toEqual([500, expect.stringContaining(response.headers.get("x-request-id")!)]);
      expect(message).not.toContain("boom");
    }
    const defects = on.served.lines.filter((line) => line.message === "internal error");
    expect(new Set(defects.map(({ fields }) => fields.requestId)).size).toBe(3);
  });
});

test("what became of a request is told in the head, also when that goes out before the answer begins", async () => {
  await using on = stage({ CLAUDE_HEARTBEAT_INTERVAL: "10" });
  const first = on.ask();
  await on.readers(1);
  const second = on.ask();
  expect([await first.outcome(), await second.outcome()]).toEqual(["miss", "hit"]);
  await Promise.all([first.sees(": keepalive"), second.sees(": keepalive")]);
  on.turn.begins();
  on.turn.says("yes");
  on.turn.ends();
  expect([await first.text(), await second.text()]).toEqual(["yes", "yes"]);
});

test("each of three streams hears of an error in the middle of the answer", async () => {
  await using on = stage();
  const clients = [on.ask(), on.ask(), on.ask()];
  await on.readers(3);
  on.turn.begins();
  on.turn.says("one ");
  await Promise.all(clients.map((client) => client.sees("one ")));
  on.turn.fails(new OcpError("upstream_failed", "It broke."));
  for (const client of clients) {
    const read = await client.rest();
    expect(contentOf(read)).toBe("one ");
    expect(read).toContain("It broke.");
    expect(read).not.toContain("[DONE]");
  }
  expect(await on.stats()).toMatchObject({ entries: 0, inflight: 0 });
});

test("one that waits in the queue keeps its place for those who follow it", async () => {
  await using on = stage({ CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "1" });
  const holder = await on.served.admission.acquire("x", new AbortController().signal);
  const first = on.ask();
  await on.readers(1);
  const second = on.ask(whole);
  await on.readers(2);
  first.leave();
  await on.readers(1);
  expect(on.served.admission.stats()).toEqual({ running: 1, waiting: 1, rejected: 0 });
  on.turn.begins();
  on.turn.says("yes");
  on.turn.ends();
  holder.release();
  expect(await second.text()).toBe("yes");
  expect(on.turn.turns).toHaveLength(1);
});

test.each([
  ["who asked first", 0],
  ["who followed", 1],
])("a client that does not read holds up nobody: %s", async (_who, slow) => {
  const piece = "x".repeat(65_536);
  await using on = stage();
  const body = JSON.stringify({ ...question, stream: true });
  const stalled = () => {
    const socket = connect(on.port, "127.0.0.1");
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body);
    return socket.pause();
  };
  const clients = [];
  for (let i = 0; i < 2; i++) {
    clients.push(i === slow ? stalled() : on.ask());
    await on.readers(i + 1);
  }
  on.turn.begins();
  for (let i = 0; i < 100; i++) on.turn.says(piece);
  on.turn.ends();
  const fast = clients[1 - slow] as ReturnType<typeof on.ask>;
  expect((await fast.text()).length).toBe(100 * piece.length);
  // Its answer was kept meanwhile, and what the other has not read yet is still there for it.
  expect(await on.stats()).toMatchObject({ entries: 1, inflight: 0 });
  const late = clients[slow] as ReturnType<typeof stalled>;
  let received = 0;
  let tail = "";
  for await (const data of late.resume()) {
    received += data.length;
    tail = `${tail}${data}`.slice(-100);
  }
  expect(received).toBeGreaterThan(100 * piece.length);
  expect(tail).toContain("[DONE]");
});

test("the turn is held back while none of them reads", async () => {
  let made = 0;
  const served = serve({
    env: { CLAUDE_CACHE_TTL: "60000" },
    async *script() {
      yield start;
      yield blockStart;
      for (; made < 5_000; made++) yield text("x".repeat(65_536));
      yield* ending;
    },
  });
  await using server = served.listen();
  const body = JSON.stringify(helloStream);
  const sockets = [0, 1].map(() => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return socket;
  });
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("data", resolve))));
  for (const socket of sockets) socket.pause();
  let before = -1;
  while (made !== before) {
    before = made;
    await Bun.sleep(50);
  }
  expect(made).toBeLessThan(1_000);
  for (const socket of sockets) socket.destroy();
});
