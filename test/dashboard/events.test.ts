/** The stream of what happens: how all is, each turn that ends, and what a page that was away has missed. */

import { describe, expect, test } from "bun:test";
import type { SessionInfo } from "../../src/core/ports.ts";
import { adminKey, hello, serve } from "../http/served.ts";

interface Event {
  event: string;
  id: string;
  data: any;
}

/** Reads a stream until `enough`, and leaves it. */
async function events(response: Response, enough: (all: Event[]) => boolean): Promise<Event[]> {
  const all: Event[] = [];
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(part)?.[1];
      const data = field("data");
      if (data !== undefined) all.push({ event: field("event") ?? "", id: field("id") ?? "", data: JSON.parse(data) });
    }
    if (enough(all)) break;
  }
  return all;
}

const open = (served: ReturnType<typeof serve>, lastId?: string) =>
  served.send("/events", {
    headers: { authorization: `Bearer ${adminKey}`, ...(lastId === undefined ? {} : { "last-event-id": lastId }) },
  });
const turns = (all: Event[]) => all.filter(({ event }) => event === "turn");

describe("GET /events", () => {
  test("begins with how all is, and tells each turn that ends", async () => {
    const served = serve();
    const stream = await open(served);
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    const reading = events(stream, (all) => turns(all).length === 2 && all.at(-1)?.event === "state");
    await served.chat(hello);
    await served.chat(hello);
    const all = await reading;
    expect(all[0]).toMatchObject({
      event: "state",
      data: { status: "ok", version: "1.2.3", running: [], totals: { total: 0 } },
    });
    expect(turns(all).map(({ data }) => data.outcome)).toEqual(["ok", "ok"]);
    expect(all.at(-1)?.data.totals).toMatchObject({ total: 2, active: 0 });
  });

  test("shows a turn while it runs, with its key, its model, its path with the reason for it, and the tokens so far", async () => {
    const gate = Promise.withResolvers<void>();
    const served = serve({
      script: async function* (conversation: { model: string }) {
        yield {
          type: "start",
          model: conversation.model,
          usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 0, thinking: 0 },
          path: "resumed",
          reason: "evicted",
          ignored: [],
        };
        yield { type: "block_start", index: 0, block: { type: "text" } };
        yield { type: "delta", index: 0, delta: { type: "text", text: "several words of an answer" } };
        await gate.promise;
        yield { type: "block_stop", index: 0 };
        yield {
          type: "end",
          stop: "end_turn",
          stopSequence: null,
          usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 5, thinking: 0 },
        };
      },
    } as never);
    const stream = await open(served);
    const reading = events(stream, (all) => all.at(-1)?.data.running?.[0]?.tokens > 0);
    const asked = served.chat(hello);
    const running = (await reading).at(-1)?.data.running;
    expect(running).toMatchObject([
      { path: "resumed", reason: "evicted", dialect: "chat", model: expect.stringMatching(/^claude-/) },
    ]);
    const ended = events(await open(served), (all) => turns(all).length === 1);
    gate.resolve();
    await asked;
    expect(turns(await ended)[0]?.data).toMatchObject({ path: "resumed", reason: "evicted" });
  });

  test("tells the conversations at first, and again when one of them has changed", async () => {
    const session = (id: string, state: SessionInfo["state"], usedAt: number): SessionInfo => ({
      id,
      pid: state === "hibernated" ? null : 4242,
      principalId: "key-1",
      model: "claude-sonnet-5-5",
      state,
      reason: state === "hibernated" ? "expired" : null,
      messages: 2,
      turns: 1,
      usage: { input: 10, cacheRead: 80, cacheWrite: 10, output: 5 },
      rebuilds: {},
      since: 1_000,
      usedAt,
    });
    const old = Array.from({ length: 60 }, (_, at) => session(`old-${at}`, "hibernated", at));
    let sessions = [...old, session("s1", "running", 5_000)];
    const served = serve({ sessions: () => sessions });
    served.store.keys.create("laptop", null);
    const told = (all: Event[]) => all.filter(({ event }) => event === "sessions").map(({ data }) => data);
    const begun = Promise.withResolvers<void>();
    const reading = events(await open(served), (all) => {
      if (told(all).length === 1) begun.resolve();
      return turns(all).length === 2 && told(all).length === 2;
    });
    await begun.promise;
    await served.chat(hello);
    sessions = [...old, session("s1", "idle", 6_000)];
    await served.chat(hello);
    const [first, ...more] = told(await reading);
    expect(first).toMatchObject({ total: 61, hibernated: 60, cacheHit: 0.8 });
    expect(first.sessions).toHaveLength(50);
    expect(first.sessions.slice(0, 2)).toMatchObject([
      { id: "s1", principal: "laptop", pid: 4242, state: "running" },
      { id: "old-59", pid: null, state: "hibernated", ended: "expired" },
    ]);
    expect(more).toHaveLength(1);
    expect(more[0].sessions[0]).toMatchObject({ id: "s1", state: "idle" });
  });

  test("who comes back gets the turns that were missed, and no other", async () => {
    const served = serve();
    const first = events(await open(served), (all) => turns(all).length === 1);
    await served.chat(hello);
    const lastId = turns(await first)[0]?.id ?? "";
    await served.chat(hello);
    await served.chat(hello);
    const again = await events(await open(served, lastId), (all) => all.some(({ event }) => event === "state"));
    expect(turns(again)).toHaveLength(2);
    const none = await events(await open(served), (all) => all.some(({ event }) => event === "state"));
    expect(turns(none)).toHaveLength(0);
  });

  test.each(["", "x", "00000000-1", "nonsense-99", "1", "-"])(
    "an id of another start, %j, begins anew",
    async (lastId) => {
      const served = serve();
      await served.chat(hello);
      const all = await events(await open(served, lastId), (each) => each.some(({ event }) => event === "state"));
      expect(turns(all)).toEqual([]);
    },
  );

  test("more turns than are remembered are not told as if they were all", async () => {
    const served = serve({ env: { OCP_REPEAT_LIMIT: "0" } });
    const first = events(await open(served), (all) => turns(all).length === 1);
    await served.chat(hello);
    const lastId = turns(await first)[0]?.id ?? "";
    for (let each = 0; each < 230; each++) await served.chat(hello);
    const again = await events(await open(served, lastId), (all) => all.some(({ event }) => event === "state"));
    expect(turns(again)).toEqual([]);
  }, 20_000);

  test("goes on after more turns at once than are remembered", async () => {
    const served = serve({ env: { OCP_REPEAT_LIMIT: "0" } });
    let reached = false;
    const reading = events(
      await open(served),
      (all) => reached && turns(all).length > 0 && all.at(-1)?.event === "state",
    );
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let each = 0; each < 32; each++) await served.chat(hello);
      }),
    );
    reached = true;
    let told = false;
    void reading.then(() => {
      told = true;
    });
    while (!told) {
      await served.chat(hello);
      // Turns here need no more than promises, which would keep the timers from their turn.
      await new Promise(setImmediate);
    }
    expect(turns(await reading).length).toBeGreaterThan(0);
  }, 30_000);

  test("is the administrator's", async () => {
    const served = serve({ env: { CLAUDE_AUTH_MODE: "multi" } });
    expect((await served.send("/events")).status).toBe(401);
  });
});
