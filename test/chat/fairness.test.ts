/** A key that asks more than its share holds up another key's next request by one turn at most. */

import { describe, expect, test } from "bun:test";
import { startOcp, targets } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";
import { createQuickCli } from "../harness/quick-cli.ts";
import { createTemp } from "../harness/temp.ts";
import { post } from "./client.ts";

const places = 4;

describe.each(targets())("a key that fills the queue (%s)", (target) => {
  test("gives way: another key's request comes right after the turn that runs", async () => {
    await using temp = await createTemp();
    const env = { CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: String(places) };
    await using ocp = await startOcp({ target, temp, env: { CLAUDE_BIN: createQuickCli(temp.path, "0.2"), ...env } });
    const [greedy, other] = await Promise.all(
      ["greedy", "other"].map(async (name) => {
        const response = await fetch(`${ocp.url}/api/keys`, { method: "POST", body: JSON.stringify({ name }) });
        return ((await response.json()) as { key: string }).key;
      }),
    );
    const ended: string[] = [];
    const ask = async (name: string, key = "") => {
      const headers = { authorization: `Bearer ${key}` };
      const response = await post(ocp, { messages: [{ role: "user", content: "hi" }] }, { headers });
      await response.text();
      ended.push(`${name} ${response.status}`);
    };
    const asked = Array.from({ length: 1 + places }, () => ask("greedy", greedy));
    await waitUntil("the queue is full", async () => {
      const { concurrency } = (await (await fetch(`${ocp.url}/health`)).json()) as any;
      return concurrency.queued === places;
    });
    await Promise.all([...asked, ask("other", other)]);
    const answers = ended.filter((end) => end.endsWith(" 200"));
    expect(ended).toContain("greedy 429");
    expect(answers.slice(0, 2)).toEqual(["greedy 200", "other 200"]);
    expect(answers).toHaveLength(1 + places);
  });
});
