/** The interactive mode beside the main engine: when the first word comes, of a new conversation and of its next turn. */

import { startApi } from "../api.ts";
import { ask, type Message, type Timing } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";

export const interactive: Figure = async ({ programs, runs }) => {
  await using api = await startApi(programs);
  await using headless = await startOurs(programs, { apiUrl: api.url });
  const env = { CLAUDE_TUI_MODE: "true", OCP_TUI_POOL_SIZE: "1" };
  await using terminal = await startOurs(programs, { apiUrl: api.url, env });

  /** A first question, from what was kept booted for it, and the next one. */
  const converse = async (url: string, name: string): Promise<Timing[]> => {
    await ready(url);
    const messages: Message[] = [{ role: "user", content: `A question of ${name}.` }];
    const first = await ask(url, messages);
    messages.push({ role: "assistant", content: first.text }, { role: "user", content: "And?" });
    await settle();
    return [first, await ask(url, messages)];
  };
  for (const { url } of [headless, terminal]) await ask(url, [{ role: "user", content: "Warm up." }]);
  const [main, other] = await alternate<Timing[]>(
    Math.ceil(runs / 2),
    [headless, terminal].map(
      ({ url }, at) =>
        (round) =>
          converse(url, `${at}-${round}`),
    ),
    settle,
  );
  const rows = (turn: number) => [
    { by: "ocp", samples: (main ?? []).map((timings) => timings[turn]!.firstToken) },
    { by: "ocp, interactive", samples: (other ?? []).map((timings) => timings[turn]!.firstToken) },
  ];
  return [
    { title: "Interactive mode, warm session: first token", unit: "ms", goal: "1 s", rows: rows(0) },
    { title: "Interactive mode, next turn: first token", unit: "ms", goal: "500 ms", rows: rows(1) },
  ];
};

/** Resolves when the server has something booted for the next conversation. */
async function ready(url: string): Promise<void> {
  for (let waited = 0; waited < 100; waited++) {
    const { processes } = (await (await fetch(`${url}/health`)).json()) as { processes: { spare: number } };
    if (processes.spare > 0) return settle();
    await Bun.sleep(200);
  }
  throw new Error("The server keeps nothing booted.");
}
