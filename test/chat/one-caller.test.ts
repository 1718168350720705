/** One key asks for all that there is: memory, places, uploads. Another key and the administrator are served all the same. */

import { describe, expect, test } from "bun:test";
import { createFakeCli, ending, messageStart, text, textStart } from "../harness/fake-cli.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { type Probe, slowdown, startProbe } from "../harness/probe.ts";
import { waitUntil } from "../harness/processes.ts";
import { createQuickCli, unended } from "../harness/quick-cli.ts";
import { createTemp } from "../harness/temp.ts";
import { head, type RawSocket, raw } from "../http/raw.ts";

const path = "/v1/chat/completions";
const MiB = 2 ** 20;
const adminKey = "the-key-of-the-admin";
const hi = { messages: [{ role: "user", content: "hi" }] };

async function createKey({ url }: Ocp, name: string): Promise<string> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const response = await fetch(`${url}/api/keys`, { method: "POST", body: JSON.stringify({ name }), headers });
  return ((await response.json()) as { key: string }).key;
}

async function concurrencyOf({ url }: Ocp): Promise<{ inflight: number; queued: number }> {
  const headers = { authorization: `Bearer ${adminKey}` };
  return ((await (await fetch(`${url}/health`, { headers })).json()) as any).concurrency;
}

/** Posts a body of so many bytes; resolves to the status and the text of the answer. */
function postLarge({ url }: Ocp, key: string, bytes: number, signal: AbortSignal) {
  const body = JSON.stringify({ messages: [{ role: "user", content: "abcdefgh ".repeat(bytes / 9) }] });
  return fetch(url + path, { method: "POST", body, headers: { authorization: `Bearer ${key}` }, signal }).then(
    async (response) => ({ status: response.status, retryAfter: response.headers.get("retry-after") }),
    () => null,
  );
}

/** The figures of a lap with as many answers. */
async function lapOf(probe: Probe, answers: number) {
  await probe.lap();
  await probe.answers(answers);
  return probe.lap();
}

describe.each(targets().slice(-1))("one key that asks for all (%s)", (target) => {
  const env = { OCP_ADMIN_KEY: adminKey, CLAUDE_AUTH_MODE: "multi", OCP_TRUST_LOOPBACK: "0" };

  test("of the memory gets half of what there is, and is told to come back", async () => {
    await using temp = await createTemp();
    const cli = createFakeCli(temp.path);
    const total = 256 * MiB;
    await using ocp = await startOcp({
      target,
      temp,
      env: { ...env, CLAUDE_BIN: cli.bin, OCP_REQUEST_MEMORY: String(total), OCP_MEMORY_MAX: String(16_384 * MiB) },
    });
    const [greedy, other] = [await createKey(ocp, "greedy"), await createKey(ocp, "other")];
    await using probe = startProbe(ocp, { key: other });
    const undisturbed = await lapOf(probe, 50);

    cli.says([messageStart, textStart, text("Hello")]);
    const leaving = new AbortController();
    const refused: Array<{ status: number; retryAfter: string | null }> = [];
    for (let count = 0; count < 24; count++) {
      void postLarge(ocp, greedy, 8 * MiB, leaving.signal).then((answer) => answer && refused.push(answer));
    }
    await waitUntil("all but what fits is refused", async () => {
      const { inflight, queued } = await concurrencyOf(ocp);
      return inflight + queued + refused.length === 24;
    });
    const loaded = await probe.lap();

    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
    expect(refused.every(({ retryAfter }) => Number(retryAfter) >= 1)).toBe(true);
    // Four times 8 MB each, and 4 MB for an answer that has begun.
    expect(refused.length).toBeGreaterThanOrEqual(20);
    expect(loaded.failures).toEqual([]);
    expect(loaded.peakRss - undisturbed.peakRss).toBeLessThan(total);
    expect(slowdown(loaded, undisturbed, 100)).toBeLessThan(4);

    // Another key's large one and small ones fit beside them.
    cli.says([messageStart, textStart, text("Hello"), ...ending]);
    const ask = (key: string) =>
      fetch(ocp.url + path, {
        method: "POST",
        body: JSON.stringify(hi),
        headers: { authorization: `Bearer ${key}` },
      }).then(({ status }) => status);
    expect(await postLarge(ocp, other, 8 * MiB, leaving.signal)).toMatchObject({ status: 200 });
    expect([await ask(other), await ask(adminKey)]).toEqual([200, 200]);
    leaving.abort();
    await waitUntil("they have left", async () => (await concurrencyOf(ocp)).inflight === 0);
    expect(await postLarge(ocp, greedy, 8 * MiB, new AbortController().signal)).toMatchObject({ status: 200 });
  }, 120_000);

  test("of the places leaves one: another key and the administrator are answered as if it were alone", async () => {
    await using temp = await createTemp();
    const places = { CLAUDE_MAX_CONCURRENT: "8", CLAUDE_MAX_QUEUE: "16", OCP_MEMORY_MAX: String(16_384 * MiB) };
    await using ocp = await startOcp({
      target,
      temp,
      env: { ...env, ...places, CLAUDE_BIN: createQuickCli(temp.path) },
    });
    const [greedy, other] = [await createKey(ocp, "greedy"), await createKey(ocp, "other")];
    await using probe = startProbe(ocp, { key: other, path, body: hi });
    const undisturbed = await lapOf(probe, 20);
    const leaving = new AbortController();
    const ask = (key: string, content: string) =>
      fetch(ocp.url + path, {
        method: "POST",
        body: JSON.stringify({ stream: true, messages: [{ role: "user", content }] }),
        headers: { authorization: `Bearer ${key}` },
        signal: leaving.signal,
      }).then((response) => response.text());
    // An answer that nobody reads may be given up as garbage, and with it its connection.
    const held = Array.from({ length: 12 }, (_, count) => ask(greedy, `${unended} ${count}`).catch(() => {}));
    await waitUntil("it has its places, and the rest waits", async () => {
      const { inflight, queued } = await concurrencyOf(ocp);
      return inflight + queued >= 12;
    });
    await probe.lap();
    const ended = await Promise.race([probe.answers(20), Bun.sleep(30_000).then(() => "nobody else is answered")]);
    const loaded = await probe.lap();
    expect(ended).toBeUndefined();
    expect(loaded.failures).toEqual([]);
    expect(slowdown(loaded, undisturbed, 50)).toBeLessThan(4);
    expect(await ask(adminKey, "hi")).toContain("[DONE]");
    leaving.abort();
    await Promise.all(held);
  }, 60_000);

  test("for a large response again and again, and reads none, gets half of the memory", async () => {
    await using temp = await createTemp();
    const total = 128 * MiB;
    await using ocp = await startOcp({
      target,
      temp,
      env: { ...env, CLAUDE_BIN: createQuickCli(temp.path), OCP_REQUEST_MEMORY: String(total) },
    });
    const [greedy, other] = [await createKey(ocp, "greedy"), await createKey(ocp, "other")];
    const Authorization = `Bearer ${greedy}`;
    const body = JSON.stringify({ input: "hi", instructions: "abcdefgh ".repeat((4 * MiB) / 9) });
    const response = await fetch(`${ocp.url}/v1/responses`, { method: "POST", body, headers: { Authorization } });
    const { id } = (await response.json()) as { id: string };
    await using probe = startProbe(ocp, { key: other, path, body: hi });
    const undisturbed = await lapOf(probe, 20);

    const open = Array.from({ length: 40 }, () => {
      const one = raw({ port: Number(new URL(ocp.url).port) });
      one.socket.pause();
      one.socket.write(head("GET", `/v1/responses/${id}`, { Authorization }));
      return one;
    });
    await lapOf(probe, 60);
    const refused = await fetch(`${ocp.url}/v1/responses/${id}`, { headers: { Authorization } });
    expect(refused.status).toBe(429);
    const loaded = await lapOf(probe, 20);
    expect(loaded.failures).toEqual([]);
    expect(loaded.peakRss - undisturbed.peakRss).toBeLessThan(total);
    for (const one of open) one.socket.destroy();
    await waitUntil("all is given back", async () => {
      const again = await fetch(`${ocp.url}/v1/responses/${id}`, { headers: { Authorization } });
      return again.status === 200 && ((await again.json()) as { id: string }).id === id;
    });
  }, 60_000);

  test("for all uploads at once is refused, and nobody else is", async () => {
    await using temp = await createTemp();
    await using ocp = await startOcp({ target, temp, env: { ...env, CLAUDE_BIN: createQuickCli(temp.path) } });
    const [greedy, other] = [await createKey(ocp, "greedy"), await createKey(ocp, "other")];
    const port = Number(new URL(ocp.url).port);
    await using probe = startProbe(ocp, { key: other, path, body: hi });
    const undisturbed = await lapOf(probe, 20);

    const headers = { Authorization: `Bearer ${greedy}`, "X-Forwarded-For": "203.0.113.9", "Content-Length": 1_000 };
    const open: RawSocket[] = Array.from({ length: 256 }, () => raw({ port }, `${head("POST", path, headers)}{`));
    const drip = setInterval(() => {
      for (const one of open) if (!one.socket.destroyed) one.socket.write(" ");
    }, 200);
    await waitUntil(
      "most of them are refused",
      async () => open.filter((one) => one.text().startsWith("HTTP/1.1 429 ")).length === 256 - 64,
    );
    const loaded = await lapOf(probe, 20);
    clearInterval(drip);
    for (const one of open) one.socket.destroy();
    expect(loaded.failures).toEqual([]);
    expect(slowdown(loaded, undisturbed, 50)).toBeLessThan(4);
    expect(loaded.cpuMs / loaded.wallMs).toBeLessThan(1.5);
  }, 60_000);
});
