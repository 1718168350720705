/** Whoever is refused, or answered from the cache, costs the server little: no row, no log line and no event for each. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { slowdown, startProbe } from "../harness/probe.ts";
import { createQuickCli } from "../harness/quick-cli.ts";
import { createTemp } from "../harness/temp.ts";
import { post } from "./client.ts";

const MiB = 1024 * 1024;
const question = { messages: [{ role: "user", content: "hi" }] };
const burst = 2_500;

async function createKey({ url }: Ocp, body: object): Promise<{ key: string; id: number }> {
  const response = await fetch(`${url}/api/keys`, { method: "POST", body: JSON.stringify(body) });
  return (await response.json()) as { key: string; id: number };
}

/** Asks so many times, 16 at a time; returns how often each status came. */
async function flood(ocp: Ocp, key: string, count: number, body: object = question): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const response = await post(ocp, body, { headers: { authorization: `Bearer ${key}` } });
      await response.arrayBuffer();
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
  return statuses;
}

/** As many requests that nobody refuses. */
async function readModels({ url }: Ocp, key: string, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      await (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

/** Counts the ended turns that the live feed tells of, until it is closed. */
async function watchEvents({ url }: Ocp) {
  const left = new AbortController();
  const response = await fetch(`${url}/events`, { signal: left.signal });
  let turns = 0;
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      turns += decoder.decode(chunk, { stream: true }).split("event: turn\n").length - 1;
    }
  })().catch(() => {});
  return {
    async close() {
      left.abort();
      await read;
      return { turns };
    },
  };
}

async function usage({ url }: Ocp, query = ""): Promise<any> {
  return (await fetch(`${url}/api/usage?all=true&limit=500${query}`)).json();
}

const filesOf = ({ home }: Ocp) => join(home, ".ocp");

/** Bytes of the database as its pages are counted, wherever they lie, and of all its files. */
function sizes(ocp: Ocp): { pages: number; files: number } {
  const path = join(filesOf(ocp), "ocp.db");
  using db = new Database(path, { readonly: true });
  const { bytes } = db
    .query<{ bytes: number }, []>("select page_count * page_size as bytes from pragma_page_count, pragma_page_size")
    .get()!;
  const files = ["", "-wal", "-shm"].map((end) => path + end).filter((file) => existsSync(file));
  return { pages: bytes, files: files.reduce((sum, file) => sum + statSync(file).size, 0) };
}

/** How many lines of the log tell of a refusal. */
function refusalsLogged(ocp: Ocp): number {
  const directory = join(filesOf(ocp), "logs");
  const texts = readdirSync(directory).map((name) => readFileSync(join(directory, name), "utf8"));
  return texts.join("").split('"outcome":"quota_exceeded"').length - 1;
}

describe.each(targets())("%s", (target) => {
  test("thousands of refusals grow no file and disturb nobody, and the sums know each of them", async () => {
    await using temp = await createTemp();
    await using ocp = await startOcp({ target, temp, env: { CLAUDE_BIN: createQuickCli(temp.path, "0.01") } });
    const blocked = await createKey(ocp, { name: "blocked", daily: 0 });
    const other = await createKey(ocp, { name: "other" });
    await using probe = startProbe(ocp, { key: other.key });
    await probe.answers(40);
    const undisturbed = await probe.lap();

    const events = await watchEvents(ocp);
    expect(await flood(ocp, blocked.key, burst)).toEqual({ 429: burst });
    const before = sizes(ocp);
    await probe.lap();
    await readModels(ocp, blocked.key, burst);
    const reading = await probe.lap();
    expect(await flood(ocp, blocked.key, burst)).toEqual({ 429: burst });
    const disturbed = await probe.lap();
    const after = sizes(ocp);

    // A row took 400 bytes: these would be a megabyte.
    expect(after.pages - before.pages).toBeLessThan(MiB / 16);
    expect(after.files).toBeLessThan(6 * MiB);
    expect(disturbed.failures).toEqual([]);
    // A refusal reads a body and the key's quota.
    expect(disturbed.cpuMs).toBeLessThan(12 * Math.max(reading.cpuMs, 100));
    expect(disturbed.peakRss).toBeLessThan(reading.peakRss + 64 * MiB);
    // The live feed shows what the history lists.
    expect((await events.close()).turns).toBeLessThanOrEqual(100);
    expect(slowdown(disturbed, undisturbed)).toBeLessThan(4);

    const found = await usage(ocp);
    const row = found.byKey.find(({ key_name: name }: any) => name === "blocked");
    expect(row).toMatchObject({ requests: 2 * burst, errors: 2 * burst, successes: 0, principal: `key-${blocked.id}` });
    expect(found.byModel).toMatchObject([{ requests: 2 * burst, errors: 2 * burst }]);
    expect(found.timeline.reduce((sum: number, { requests }: any) => sum + requests, 0)).toBe(2 * burst);
    // The history has the first of them, and says how many more there were.
    expect(found.recent.length).toBeGreaterThan(0);
    expect(found.recent.length).toBeLessThanOrEqual(100);
    const counted = found.counted.filter(({ outcome }: any) => outcome === "quota_exceeded");
    expect(counted[0]).toMatchObject({ key_name: "blocked", principal: `key-${blocked.id}` });
    const more = counted.reduce((sum: number, { requests }: any) => sum + requests, 0);
    expect(found.recent.length + more).toBe(2 * burst);

    const metrics = await (await fetch(`${ocp.url}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`ocp_turns_total\\{.*outcome="quota_exceeded".*\\} ${2 * burst}\n`));
    expect(await ocp.stop()).toBe(0);
    expect(refusalsLogged(ocp)).toBeGreaterThan(0);
    expect(refusalsLogged(ocp)).toBeLessThan(burst / 10);
  }, 240_000);

  test("a restart keeps the count, and refusals of many made-up models share one", async () => {
    await using temp = await createTemp();
    const env = { CLAUDE_BIN: createQuickCli(temp.path, "0.01") };
    const models = 400;
    let key = "";
    {
      await using ocp = await startOcp({ target, temp, env });
      key = (await createKey(ocp, { name: "blocked", daily: 0 })).key;
      for (let at = 0; at < models; at++) await flood(ocp, key, 1, { ...question, model: `claude-made-up-${at}` });
      expect(await ocp.stop()).toBe(0);
    }
    await using ocp = await startOcp({ target, temp, env });
    const found = await usage(ocp);
    expect(found.byKey).toMatchObject([{ key_name: "blocked", requests: models, errors: models }]);
    expect(found.byModel.reduce((sum: number, { requests }: any) => sum + requests, 0)).toBe(models);
    expect(found.byModel.length).toBeLessThan(100);
    expect(found.byModel[0]).toMatchObject({ model: "other" });
  }, 120_000);

  test("answers from the cache beyond the first of an hour are counted, as answers", async () => {
    await using temp = await createTemp();
    const env = { CLAUDE_BIN: createQuickCli(temp.path, "0.01"), CLAUDE_CACHE_TTL: "600000" };
    await using ocp = await startOcp({ target, temp, env });
    const { key } = await createKey(ocp, { name: "laptop", daily: 1 });
    expect(await flood(ocp, key, 1)).toEqual({ 200: 1 });
    await fetch(`${ocp.url}/api/keys/laptop/quota`, { method: "PATCH", body: JSON.stringify({ daily: 1_000 }) });
    expect(await flood(ocp, key, 600)).toEqual({ 200: 600 });
    const found = await usage(ocp);
    expect(found.byKey).toMatchObject([{ requests: 601, successes: 601, errors: 0, cached: 600 }]);
    expect(found.recent.length).toBeLessThanOrEqual(200);
    expect(found.recent.filter(({ cache }: any) => cache === "miss")).toHaveLength(1);
    expect(found.counted).toMatchObject([{ outcome: "ok", cache: "hit", requests: 601 - found.recent.length }]);
  }, 120_000);
});
