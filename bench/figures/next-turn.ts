/** The second and third turn of a conversation: when the first word comes, and the last. */

import { adjust, seal, sealed, untouched } from "../../src/claude/dials.ts";
import { claudeBinary } from "../../test/harness/claude.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { askBare, startBare } from "../bare.ts";
import { startBaseline } from "../baseline.ts";
import { ask, type Message, type Timing } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";

const turns = [1, 2, 3];

/** Gives a sealed process the API's address back. */
const unseal = (apiUrl: string) =>
  adjust(sealed(untouched), untouched, {
    CLAUDE_CODE_MAX_OUTPUT_TOKENS: undefined,
    CLAUDE_CODE_EXTRA_BODY: undefined,
    ANTHROPIC_BASE_URL: apiUrl,
  });

/** The timings of all turns but the first. */
async function converse(url: string, name: string): Promise<Timing[]> {
  const messages: Message[] = [];
  const timings: Timing[] = [];
  for (const turn of turns) {
    await settle();
    messages.push({ role: "user", content: `Turn ${turn} of conversation ${name}.` });
    const answer = await ask(url, messages);
    messages.push({ role: "assistant", content: answer.text });
    timings.push(answer);
  }
  return timings.slice(1);
}

export const nextTurn: Figure = async ({ programs, runs }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using baseline = await startBaseline(programs, api.url);
  const bin = claudeBinary();
  await using temp = await createTemp();

  /** `sealing`: with the API's address taken from it during each answer and given back after it, as we do. */
  const bare = async (name: string, sealing: boolean) => {
    const claude = startBare({ bin, temp, apiUrl: api.url });
    let isSealed = false;
    const sealOnce = () => {
      if (sealing && !isSealed) claude.request(seal).catch(() => {});
      isSealed = true;
    };
    try {
      const timings: Timing[] = [];
      for (const turn of turns) {
        await settle();
        timings.push(await askBare(claude, `Turn ${turn} of conversation ${name}.`, performance.now(), sealOnce));
        if (sealing) for (const request of unseal(api.url)) await claude.request(request);
        isSealed = false;
      }
      return timings.slice(1);
    } finally {
      claude.kill();
      await claude.exited;
    }
  };
  // Each conversation gives two samples.
  const samples = await alternate<Timing[]>(
    Math.ceil(runs / 2),
    [
      (round) => converse(ours.url, `A${round}`),
      (round) => converse(baseline.url, `B${round}`),
      (round) => bare(`C${round}`, false),
      (round) => bare(`D${round}`, true),
    ],
    settle,
  );

  const names = ["ocp", "a spawn per request", "bare CLI, the same process", "bare CLI, sealed as ours is"];
  const rows = (pick: (timing: Timing) => number) =>
    names.map((by, at) => ({ by, samples: samples[at]!.flat().map(pick) }));
  return [
    {
      title: "Next turn of a conversation: first token",
      unit: "ms",
      goal: "5 ms over the bare CLI, 1/12 of a spawn per request",
      rows: rows((timing) => timing.firstToken),
    },
    { title: "Next turn of a conversation: whole answer", unit: "ms", rows: rows((timing) => timing.total) },
  ];
};
