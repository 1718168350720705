/** Budgets and their book-keeping with everything in place: no burst and no kill gets past them. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, type Target, targets } from "../harness/ocp.ts";
import { createQuickCli } from "../harness/quick-cli.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { post } from "./client.ts";
import { onlyRequest } from "./upstream.ts";

const messages = [{ role: "user", content: "hi" }];

function start(target: Target, temp: Temp, env: Record<string, string> = {}): Promise<Ocp> {
  return startOcp({ target, temp, env: { CLAUDE_BIN: createQuickCli(temp.path, "0.01"), ...env } });
}

async function createKey({ url }: Ocp, body: object): Promise<string> {
  const response = await fetch(`${url}/api/keys`, { method: "POST", body: JSON.stringify(body) });
  return ((await response.json()) as { key: string }).key;
}

interface Answer {
  status: number;
  id: string;
  /** Whether the last frame came. */
  whole: boolean;
}

/** `onWhole` is called in the moment in which the last frame is there, which is before the stream's end. */
async function ask(
  { url }: Ocp,
  key: string,
  dialect: keyof typeof dialects,
  stream: boolean,
  onWhole: (id: string) => void = () => {},
): Promise<Answer> {
  const { path, body, last } = dialects[dialect];
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ ...body, stream }),
  });
  const { status } = response;
  const id = response.headers.get("x-request-id")!;
  if (!stream) {
    const whole = (await response.json()) !== null && status === 200;
    if (whole) onWhole(id);
    return { status, id, whole };
  }
  let text = "";
  let whole = false;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    if (whole || !text.includes(last)) continue;
    whole = true;
    onWhole(id);
  }
  return { status, id, whole };
}

const dialects = {
  chat: { path: "/v1/chat/completions", body: { messages }, last: "data: [DONE]" },
  messages: { path: "/v1/messages", body: { messages, max_tokens: 99 }, last: "event: message_stop" },
  responses: { path: "/v1/responses", body: { input: "hi" }, last: "event: response.completed" },
};
const kinds = Object.keys(dialects) as Array<keyof typeof dialects>;

function rowsIn(temp: Temp): Array<{ request_id: string; outcome: string; charged_requests: number }> {
  using db = new Database(join(temp.home, ".ocp", "ocp.db"), { readonly: true });
  expect(db.query("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  return db.query("select request_id, outcome, charged_requests from usage").all() as any;
}

describe.each(targets())("from %s", (target) => {
  test("fifty requests at once on a quota of ten are ten answers and forty refusals", async () => {
    await using temp = await createTemp();
    await using ocp = await start(target, temp, { CLAUDE_MAX_CONCURRENT: "4" });
    const key = await createKey(ocp, { name: "laptop", daily: 10 });
    const burst = Array.from({ length: 50 }, (_, i) => ask(ocp, key, kinds[i % 3]!, i % 2 === 0));
    const answers = await Promise.all(burst);
    expect(answers.filter(({ status, whole }) => status === 200 && whole)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
    const outcomes = Object.entries(Object.groupBy(rowsIn(temp), (row) => row.outcome));
    expect(outcomes.map(([outcome, rows]) => [outcome, rows!.length]).sort()).toEqual([
      ["ok", 10],
      ["quota_exceeded", 40],
    ]);
  });

  test("the model is told how many tokens a key's limit leaves to its answer, and what it really took is charged", async () => {
    await using temp = await createTemp();
    await using simulator = startSimulator({
      scenario: () => ({ blocks: ["word ".repeat(40)], usage: { input: 300, cacheRead: 200 } }),
    });
    await using ocp = await startOcp({ target, temp, simulator });
    const key = await createKey(ocp, { name: "laptop", tokens: { daily: 10_000 } });
    const answer = async (parameters: object) => {
      simulator.reset();
      const headers = { authorization: `Bearer ${key}` };
      const response = await post(ocp, { messages, ...parameters }, { headers });
      const { usage } = (await response.json()) as any;
      return [response.headers.get("x-ocp-output-limit"), onlyRequest(simulator).body?.max_tokens, usage.total_tokens];
    };
    const [limit, sent, first] = await answer({});
    expect([limit, sent]).toEqual(["2500", 2_500]);
    const [unlimited, wanted, second] = await answer({ max_tokens: 2_100 });
    expect([unlimited, wanted]).toEqual([null, 2_100]);
    const quota = await (await fetch(`${ocp.url}/api/keys/laptop/quota`)).json();
    expect(quota).toMatchObject({ daily: { used: 2 }, tokens: { daily: { limit: 10_000, used: first + second } } });
  });

  test("a server that is killed again and again loses no row of an answer, and overshoots no quota", async () => {
    await using temp = await createTemp();
    const limit = 60;
    const received: string[] = [];
    let key = "";
    const kills = target === "binary" ? 20 : 5;
    for (let round = 0; round < kills; round++) {
      await using ocp = await start(target, temp);
      key ||= await createKey(ocp, { name: "laptop", daily: limit });
      const killed = Promise.withResolvers<void>();
      const kill = () => ocp.kill().then(killed.resolve);
      let whole = 0;
      // Each round is killed after another count, in the moment of a last frame, while other answers are on their way.
      const onWhole = (id: string) => {
        received.push(id);
        if (++whole > round % 5) kill();
      };
      const client = async (who: number) => {
        for (let i = who; ; i++) {
          const answer = await ask(ocp, key, kinds[i % 3]!, i % 4 > 0, onWhole).catch(() => null);
          if (answer === null) return;
          if (answer.status === 429) kill();
        }
      };
      await Promise.all([killed.promise, ...Array.from({ length: 5 }, (_, who) => client(who))]);
      const rows = rowsIn(temp);
      const accounted = new Set(rows.filter((row) => row.charged_requests === 1).map((row) => row.request_id));
      expect(received.filter((id) => !accounted.has(id))).toEqual([]);
      expect(accounted.size).toBeLessThanOrEqual(limit);
    }
    expect(new Set(received).size).toBe(received.length);
    expect(received.length).toBeGreaterThan(kills);

    await using ocp = await start(target, temp);
    let status = 200;
    while (status === 200) ({ status } = await ask(ocp, key, "chat", false));
    expect(status).toBe(429);
    expect(rowsIn(temp).reduce((sum, row) => sum + row.charged_requests, 0)).toBe(limit);
  }, 120_000);
});
