/** OCP_MEMORY_MAX bounds the processes, also when many requests come at the same moment. */

import { describe, expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { startOcp, targets } from "../harness/ocp.ts";
import { descendants } from "../harness/processes.ts";
import { post, user } from "./client.ts";

const MiB = 1024 * 1024;
const total = 12;

describe.each(targets())("memory for two processes (%s)", (target) => {
  test(`runs never more than two of ${total} requests that come at once, and answers all`, async () => {
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator, env: { OCP_MEMORY_MAX: String(450 * MiB) } });
    const answerOf = Array.from({ length: total + 1 }, () => Promise.withResolvers<void>());
    simulator.play(async ({ number }) => {
      await answerOf[number]!.promise;
      return undefined;
    });
    let most = 0;
    const look = () => {
      const found = descendants(ocp.pid).filter(({ command }) => command.includes("stream-json"));
      most = Math.max(most, found.length);
    };
    const looking = setInterval(look, 10);

    // Two callers, since the last place that memory leaves is kept free for another one.
    const created = await fetch(`${ocp.url}/api/keys`, { method: "POST", body: JSON.stringify({ name: "other" }) });
    const { key } = (await created.json()) as { key: string };
    const answers = Promise.all(
      Array.from({ length: total }, async (_, i) => {
        const init = i % 2 === 0 ? {} : { headers: { authorization: `Bearer ${key}` } };
        const response = await post(ocp, { messages: [user(`Hi ${i}.`)] }, init);
        await response.text();
        return response.status;
      }),
    );
    // One answer at a time, so that there is always one that runs: a server where none runs may always start one.
    for (let number = 2; number <= total; number++) {
      await simulator.message(number);
      look();
      answerOf[number - 1]!.resolve();
    }
    answerOf[total]!.resolve();
    expect(await answers).toEqual(Array(total).fill(200));
    clearInterval(looking);
    expect(most).toBe(2);
  }, 60_000);
});
