/** Which kind of process answers a mix of requests as editors and agents send them. */

import { processPaths } from "../../src/core/turn.ts";
import { startApi } from "../api.ts";
import { ask, type Message } from "../client.ts";
import type { Figure } from "../figure.ts";
import { startOurs } from "../ours.ts";

/** People who talk at the same time: each turn comes a while after the answer, some edit, some begin anew. */
const people = 3;
const pauseMs = 400;

export const paths: Figure = async ({ programs, quick }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  const turns = quick ? 3 : 10;

  const talk = async (who: number) => {
    let messages: Message[] = [];
    for (let turn = 0; turn < turns; turn++) {
      if (turn % 5 === 4) messages = [];
      if (turn % 5 === 3) messages = messages.slice(0, -2);
      messages.push({ role: "user", content: `Turn ${turn} of person ${who}.` });
      const { text } = await ask(ours.url, messages);
      messages.push({ role: "assistant", content: text });
      // A title for the conversation, as clients ask for one beside the first turn.
      if (turn % 5 === 0) await ask(ours.url, [{ role: "user", content: `A title for person ${who}, turn ${turn}.` }]);
      await Bun.sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: people }, (_, who) => talk(who)));

  const text = await (await fetch(`${ours.url}/metrics`)).text();
  const count = (path: string) =>
    [...text.matchAll(new RegExp(`^ocp_turns_total\\{.*path="${path}".*outcome="ok"\\} (\\d+)$`, "gm"))]
      .map((match) => Number(match[1]))
      .reduce((sum, turns) => sum + turns, 0);
  const all = processPaths.reduce((sum, path) => sum + count(path), 0);
  return [
    {
      title: "Mixed traffic: answers by the process that gave them",
      unit: "%",
      rows: processPaths.map((path) => ({ by: path, samples: [(100 * count(path)) / all] })),
    },
  ];
};
