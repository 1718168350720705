/** Settings that bound what runs, waits and is taken. */

import { expect } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../../src/store/open.ts";
import { ask, user } from "../../chat/client.ts";
import { processesAtHome, waitUntil } from "../../harness/processes.ts";
import { createTemp } from "../../harness/temp.ts";
import { usageRow } from "../../store/opened.ts";
import { answer as kept, keptIn, storedIn } from "../../store/sessions.ts";
import { answer, type Effect, type FakeServer, hang, silence } from "./bench.ts";

const hi = { messages: [user("Hi.")] };
const MiB = 1024 * 1024;
const quiet = { info() {}, warn() {}, error() {} };

/** Two questions that are not answered; `check` sees the server when it has both. */
async function withTwo(server: FakeServer, check: () => Promise<void>) {
  server.cli.says(silence);
  const hung = [hang(server.ocp, "One?"), hang(server.ocp, "Two?")];
  const seen = async () => {
    const { inflight, queued } = (await server.health()).concurrency;
    return inflight + queued === 2;
  };
  try {
    await waitUntil("both are here", seen);
    await check();
  } finally {
    for (const { leave } of hung) leave();
    await waitUntil("both are gone", async () => (await server.health()).stats.activeRequests === 0);
  }
}

const sees = (server: FakeServer, inflight: number, queued: number) =>
  waitUntil(`${inflight} run and ${queued} wait`, async () => {
    const { concurrency } = await server.health();
    return concurrency.inflight === inflight && concurrency.queued === queued;
  });

/** Asks the same again and again; resolves to what the cache made of it. */
const repeated = (server: FakeServer, question: string) => async () =>
  (await ask(server.ocp, { messages: [user(question)] })).headers.get("x-ocp-cache");

/** Writes answers of 30 KB, each of a conversation of its own, as a server of an hour ago has left them. */
async function keepAnswers(data: string, names: string[]): Promise<void> {
  mkdirSync(data, { recursive: true });
  const { kept: answers, state } = keptIn(data, { now: Date.now() - 3_600_000 });
  for (const name of names) {
    state.now++;
    answers.keep(kept(name, name, { content: [{ type: "text", text: "x".repeat(30_000) }] }));
  }
  await answers.close();
}

export const limits: Record<string, Effect> = {
  // A running server takes no less than 30 s: test/claude/limits.test.ts shows a change without the wait.
  async timeout({ fake, start }) {
    const { cli } = await fake();
    cli.says(silence);
    const ocp = await start({ env: { CLAUDE_BIN: cli.bin, CLAUDE_TIMEOUT: "1000" } });
    const { status, body } = await ask(ocp, hi);
    expect(status).toBe(504);
    expect(body.error.message).toContain("longer than 1 s");
  },

  async maxConcurrent({ fake }) {
    const server = await fake();
    await server.set({ maxConcurrent: 1 });
    await withTwo(server, async () => {
      await sees(server, 1, 1);
      // Of two places one caller takes one, of three two.
      await server.set({ maxConcurrent: 3 });
      await sees(server, 2, 0);
    });
  },

  async maxQueue({ fake }) {
    const server = await fake();
    await server.set({ maxConcurrent: 1, maxQueue: 1 });
    await withTwo(server, async () => {
      expect((await ask(server.ocp, hi)).status).toBe(429);
      await server.set({ maxQueue: 2 });
      const third = hang(server.ocp, "Three?");
      await sees(server, 1, 2);
      third.leave();
      await sees(server, 1, 1);
    });
  },

  async queueRetryAfter({ fake }) {
    const server = await fake();
    await server.set({ maxConcurrent: 1, maxQueue: 1, queueRetryAfter: 77 });
    await withTwo(server, async () => {
      expect((await ask(server.ocp, hi)).headers.get("retry-after")).toBe("77");
    });
  },

  async memoryMax({ fake }) {
    const server = await fake();
    await server.set({ memoryMax: 64 * MiB });
    await withTwo(server, async () => {
      await sees(server, 1, 1);
      await server.set({ memoryMax: null });
      await sees(server, 2, 0);
    });
    await server.set({ memoryMax: 64 * MiB });
    expect((await server.health()).memory.limit).toBe(64 * MiB);
  },

  async requestMemory({ fake }) {
    const server = await fake();
    await server.set({ requestMemory: 16 * MiB });
    const large = { messages: [user("x".repeat(3_000_000))] };
    // Half of it is a caller's, and what is asked here takes four times its size.
    await withTwo(server, async () => {
      const refused = await ask(server.ocp, large);
      expect(refused.status).toBe(429);
      expect(refused.body.error.message).toContain("OCP_REQUEST_MEMORY");
    });
    server.cli.says(answer);
    expect((await ask(server.ocp, large)).status).toBe(200);
    server.cli.says(silence);
    await server.set({ requestMemory: 512 * MiB });
    await withTwo(server, async () => {
      server.cli.says(answer);
      expect((await ask(server.ocp, large)).status).toBe(200);
    });
  },

  async repeatLimit({ fake }) {
    const server = await fake();
    await server.set({ repeatLimit: 1 });
    const body = { messages: [user("Again and again.")] };
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await ask(server.ocp, body));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers[3]?.body.error.code).toBe("repeated_request");
    await server.set({ repeatLimit: 0 });
    expect((await ask(server.ocp, body)).status).toBe(200);
  },

  async maxPromptChars({ fake }) {
    const server = await fake();
    const turns = Array.from({ length: 6 }, (_, i) => [
      user(`${i} ${"x".repeat(4_000)}`),
      { role: "assistant", content: "Go on." },
    ]);
    const body = { messages: [...turns.flat(), user("And now?")] };
    expect((await ask(server.ocp, body)).headers.get("x-ocp-truncated")).toBeNull();
    await server.set({ maxPromptChars: 10_000 });
    expect(Number((await ask(server.ocp, body)).headers.get("x-ocp-truncated"))).toBeGreaterThan(4);
    await server.set({ maxPromptChars: null });
    expect((await ask(server.ocp, body)).headers.get("x-ocp-truncated")).toBeNull();
  },

  async maxBodySize({ fake }) {
    const server = await fake();
    const body = { messages: [user("x".repeat(2_000))] };
    await server.set({ maxBodySize: 1_024 });
    const refused = await ask(server.ocp, body);
    expect(refused.status).toBe(413);
    expect(refused.body.error.message).toContain("1024 bytes");
    await server.set({ maxBodySize: 4_000 });
    expect((await ask(server.ocp, body)).status).toBe(200);
  },

  async cacheTtl({ fake }) {
    const server = await fake();
    const cache = repeated(server, "What is kept?");
    await server.set({ cacheTTL: 60_000 });
    expect([await cache(), await cache()]).toEqual(["miss", "hit"]);
    await server.set({ cacheTTL: 0 });
    expect(await cache()).toBeNull();
  },

  async cacheMaxBytes({ fake }) {
    const server = await fake();
    const cache = repeated(server, "What fits?");
    await server.set({ cacheTTL: 60_000, cacheMaxBytes: 50 });
    expect([await cache(), await cache()]).toEqual(["miss", "miss"]);
    await server.set({ cacheMaxBytes: 10_000 });
    expect([await cache(), await cache()]).toEqual(["miss", "hit"]);
  },

  async sessionMaxBytes({ start }) {
    await using home = await createTemp();
    const data = join(home.home, ".ocp");
    await keepAnswers(data, ["first", "second", "third"]);
    const env = { OCP_SESSION_KEEP: "24", OCP_SESSION_MAX_BYTES: "70000" };
    await (await start({ temp: home, env })).stop();
    expect(Object.keys(storedIn(data))).toEqual(["second", "third"]);
    const ocp = await start({ temp: home, env: { OCP_SESSION_KEEP: "24" } });
    const response = await fetch(`${ocp.url}/settings`, { method: "PATCH", body: '{"sessionMaxBytes":40000}' });
    expect(response.status).toBe(200);
    await ocp.stop();
    expect(Object.keys(storedIn(data))).toEqual(["third"]);
  },

  async sessionKeep({ start }) {
    await using home = await createTemp();
    const data = join(home.home, ".ocp");
    await keepAnswers(data, ["first"]);
    const files = () => readdirSync(data).filter((name) => name.startsWith("sessions.db"));
    await (await start({ temp: home, env: { OCP_SESSION_KEEP: "24" } })).stop();
    expect(storedIn(data)).toEqual({ first: ["first"] });
    const ocp = await start({ temp: home });
    expect(files()).toEqual([]);
    for (const hours of [2, 0]) {
      const body = JSON.stringify({ sessionKeep: hours });
      expect((await fetch(`${ocp.url}/settings`, { method: "PATCH", body })).status).toBe(200);
      expect(files().includes("sessions.db")).toBe(hours > 0);
    }
    expect(files()).toEqual([]);
    await ocp.stop();
  },

  async usageDays({ start }) {
    await using home = await createTemp();
    const data = join(home.home, ".ocp");
    mkdirSync(data, { recursive: true });
    const store = openStore({ directory: data, now: Date.now, log: quiet });
    const daysAgo = (days: number) => Date.now() - days * 86_400_000;
    for (const days of [40, 20]) store.usage.record(usageRow({ at: daysAgo(days), model: `of-${days}-days-ago` }));
    store.close();
    const ocp = await start({ temp: home, env: { OCP_USAGE_DAYS: "30" } });
    const since = new Date(daysAgo(60)).toISOString();
    const usage = (await (await fetch(`${ocp.url}/api/usage?since=${since}`)).json()) as any;
    expect(usage.recent.map(({ model }: { model: string }) => model)).toEqual(["of-20-days-ago"]);
    expect(usage.timeline).toHaveLength(2);
    await ocp.stop();
  },

  async heartbeatInterval({ fake }) {
    const server = await fake();
    server.cli.says(silence);
    await server.set({ heartbeatInterval: 20 });
    const { response, leave } = hang(server.ocp, "Hello?");
    const reader = (await response).body!.getReader();
    let text = "";
    while (text.split(": keepalive").length < 4) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).toBe(": keepalive\n\n".repeat(3));
    leave();
    server.cli.says(answer);
    await server.set({ heartbeatInterval: 0 });
    const whole = await fetch(`${server.ocp.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ ...hi, stream: true }),
    });
    expect(await whole.text()).not.toContain("keepalive");
  },

  async spares({ fake }) {
    const server = await fake();
    await server.set({ spares: 1 });
    await ask(server.ocp, hi);
    const spares = (count: number) =>
      waitUntil(`${count} spares`, async () => (await server.health()).processes.spare === count);
    await spares(1);
    await server.set({ spares: 2 });
    await spares(2);
    await server.set({ spares: 0 });
    await spares(0);
    await waitUntil("they have ended", () => processesAtHome(`${server.ocp.home}/.ocp`).length === 0);
  },

  async liveMax({ fake }) {
    const server = await fake();
    const live = async () => (await server.health()).processes.live;
    await server.set({ liveMax: 1 });
    await ask(server.ocp, hi);
    await ask(server.ocp, { messages: [user("Another.")] });
    await waitUntil("one is kept", async () => (await live()) === 1);
    await server.set({ liveMax: 0 });
    expect(await live()).toBe(0);
  },

  async sessionTtl({ fake }) {
    const server = await fake();
    const live = async () => (await server.health()).processes.live;
    await server.set({ liveMax: 1 });
    await ask(server.ocp, hi);
    await waitUntil("it is kept", async () => (await live()) === 1);
    await server.set({ sessionTtl: 1_000 });
    await waitUntil("it has ended", async () => (await live()) === 0);
  },
};
