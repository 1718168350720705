/** One turn for several who ask the same: it is charged once, to one who is there at its end. */

import { describe, expect, test } from "bun:test";
import { aborted, blockStart, ending, helloStream, type Script, serve, start, text } from "./served.ts";

/** Says "Hel", waits until it may go on, and says "lo". */
function halting() {
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const script: Script = async function* (_conversation, { signal }) {
    yield start;
    yield blockStart;
    yield text("Hel");
    begun.resolve();
    await Promise.race([goOn.promise, aborted(signal)]);
    signal.throwIfAborted();
    yield text("lo");
    yield* ending;
  };
  return { script, begun: begun.promise, goOn: goOn.resolve };
}

async function tenAtOnce() {
  const { script, begun, goOn } = halting();
  const served = serve({ script, env: { CLAUDE_CACHE_TTL: "60000" } });
  const server = served.listen();
  const clients = Array.from({ length: 10 }, () => new AbortController());
  /** Each has the beginning, so all follow the one turn. */
  const answers = await Promise.all(
    clients.map(async ({ signal }) => {
      const body = JSON.stringify(helloStream);
      const response = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body, signal });
      return { whole: response.text().catch(() => "") };
    }),
  );
  await begun;
  return { ...served, server, clients, answers: () => Promise.all(answers.map(({ whole }) => whole)), goOn };
}

describe("of ten who ask the same at once", () => {
  test.each([[], [0], [9], [0, 1, 2, 3, 4, 5, 6, 7, 8]].map((leaving) => ({ leaving })))(
    "one pays, when %j leave before the end",
    async ({ leaving }) => {
      const { server, clients, answers, goOn, ended, rows } = await tenAtOnce();
      for (const at of leaving) clients[at]!.abort();
      await ended(leaving.length);
      goOn();
      await answers();
      await ended(10);
      expect(rows().filter((row) => row.outcome === "client_left")).toHaveLength(leaving.length);
      const [payer, ...others] = rows().filter((row) => row.charged.requests === 1);
      expect(others).toEqual([]);
      expect(payer).toMatchObject({ outcome: "ok", cache: "miss", path: "new", charged: { requests: 1, tokens: 5 } });
      for (const row of rows().filter((one) => one !== payer && one.requestId !== payer?.requestId)) {
        expect(row).toMatchObject({ cache: "follower", path: null, charged: { requests: 0, tokens: 0 } });
        expect(row.tokens.input + row.tokens.output).toBe(0);
      }
      await server.stop(0);
    },
  );

  test("one pays for what was said until all have left", async () => {
    const { server, clients, ended, rows } = await tenAtOnce();
    for (const client of clients) client.abort();
    await ended(10);
    expect(rows().every((row) => row.outcome === "client_left")).toBe(true);
    expect(rows().reduce((sum, row) => sum + row.charged.requests, 0)).toBe(1);
    await server.stop(0);
  });
});

describe("of two who wait in the queue for the same", () => {
  async function queued() {
    const { script, goOn } = halting();
    const served = serve({
      script,
      env: { CLAUDE_CACHE_TTL: "60000", CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "1" },
    });
    const holder = await served.admission.acquire("x", new AbortController().signal);
    const server = served.listen();
    const clients = [new AbortController(), new AbortController()];
    const answers = [];
    for (const [at, { signal }] of clients.entries()) {
      const body = JSON.stringify(helloStream);
      const sent = fetch(`${server.url}/v1/chat/completions`, { method: "POST", body, signal });
      answers.push(sent.then((response) => response.text()).catch(() => ""));
      while (((await (await fetch(`${server.url}/cache/stats`)).json()) as any).requesters <= at);
    }
    goOn();
    return { ...served, server, clients, answers, holder };
  }

  test("the second pays, when the first leaves", async () => {
    const { server, clients, answers, holder, ended, rows, admission } = await queued();
    clients[0]!.abort();
    await ended(1);
    expect(admission.stats().waiting).toBe(1);
    holder.release();
    expect(await answers[1]!).toContain("[DONE]");
    await ended(2);
    expect(rows()).toMatchObject([
      { outcome: "client_left", cache: "follower", path: null, charged: { requests: 0, tokens: 0 } },
      { outcome: "ok", cache: "miss", path: "new", charged: { requests: 1, tokens: 5 } },
    ]);
    await server.stop(0);
  });

  test("nobody pays, when both leave", async () => {
    const { server, clients, holder, ended, rows, admission } = await queued();
    for (const client of clients) client.abort();
    await ended(2);
    expect(admission.stats().waiting).toBe(0);
    holder.release();
    expect(rows().map(({ charged }) => charged)).toEqual(Array(2).fill({ requests: 0, tokens: 0 }));
    await server.stop(0);
  });
});

test("an answer that was kept is charged to nobody, and no process of its own stands in its row", async () => {
  const { script, goOn } = halting();
  goOn();
  const { chat, rows, ended } = serve({ script, env: { CLAUDE_CACHE_TTL: "60000" } });
  for (let i = 0; i < 2; i++) await (await chat(helloStream)).text();
  await ended(2);
  expect(rows()).toMatchObject([
    { cache: "miss", path: "new", charged: { requests: 1, tokens: 5 } },
    { outcome: "ok", cache: "hit", path: null, answerChars: 5, charged: { requests: 0, tokens: 0 } },
  ]);
});
