/** A conversation that has lost its process goes on: when the first word comes, by its length. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { capabilitiesOf } from "../../src/claude/capabilities.ts";
import { replay } from "../../src/claude/replay.ts";
import { historyOf } from "../../src/claude/terminal/history.ts";
import type { Message as HistoryMessage } from "../../src/core/conversation.ts";
import { claudeBinary } from "../../test/harness/claude.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { askBare, type BareOptions, bootBare, initializeBare } from "../bare.ts";
import { ask, type Message, model } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";
import type { Metric } from "../table.ts";

const lengths = [10, 100, 1_000];
const rounds = 3;
/** A message of some 1,000 characters. */
const text = (at: number) => `Message ${at}. ${"It has some words. ".repeat(52)}`;
const question = "And what is next?";

export const rebuild: Figure = async ({ programs, quick }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using temp = await createTemp();
  const bare = { bin: claudeBinary(), temp, apiUrl: api.url };
  const metrics: Metric[] = [];
  for (const length of quick ? lengths.slice(0, 2) : lengths) {
    const history = Array.from({ length }, (_, at): Message => {
      return { role: at % 2 === 0 ? "user" : "assistant", content: text(at) };
    });
    const messages: Message[] = [...history, { role: "user", content: question }];
    const file = await writeTranscript(history, bare);
    // The conversation has been here before.
    await ask(ours.url, messages);

    const contenders = [
      async () => {
        await fetch(`${ours.url}/sessions`, { method: "DELETE" });
        await settle();
        return (await ask(ours.url, messages)).firstToken;
      },
      () => resumed(bare, file),
      async () => {
        const { text: content } = await ask(ours.url, messages);
        await settle();
        const next: Message[] = [...messages, { role: "assistant", content }, { role: "user", content: "And then?" }];
        return (await ask(ours.url, next)).firstToken;
      },
      () => replayed(bare, history),
    ];
    const samples = await alternate(quick ? 1 : rounds, contenders, settle);
    const names = [
      "ocp, its process gone",
      "bare CLI, resumed by hand",
      "ocp, its process alive",
      "bare CLI, booted, history over stdin",
    ];
    metrics.push({
      title: `A conversation of ${length.toLocaleString("en-US")} messages goes on: first token`,
      unit: "ms",
      goal: "its process gone: 100 ms over the CLI resumed by hand",
      rows: names.map((by, at) => ({ by, samples: samples[at]! })),
    });
  }
  return metrics;
};

/** From the spawn: nothing of it is prepared. */
async function resumed(options: BareOptions, file: string): Promise<number> {
  const since = performance.now();
  const claude = bootBare(options, ["--resume", file]);
  try {
    initializeBare(claude);
    return (await askBare(claude, question, since)).firstToken;
  } finally {
    claude.kill();
    await claude.exited;
  }
}

/** From the history's first message: the process has booted. */
async function replayed(options: BareOptions, history: readonly Message[]): Promise<number> {
  const claude = bootBare(options);
  try {
    await settle();
    const since = performance.now();
    initializeBare(claude);
    let entered = Promise.withResolvers<void>();
    claude.listen({
      frame: (frame) => {
        if (frame.type === "result") entered.resolve();
      },
      exit: (exit) => entered.reject(new Error(`The bare CLI ended: ${exit.stderr}`)),
    });
    const next = async () => {
      await entered.promise;
      entered = Promise.withResolvers<void>();
    };
    await replay(claude, history.map(asHistory), model, next, true);
    return (await askBare(claude, question, since)).firstToken;
  } finally {
    claude.kill();
    await claude.exited;
  }
}

/** Returns the path of a session file of the CLI with these messages. */
async function writeTranscript(history: readonly Message[], { bin, temp }: BareOptions): Promise<string> {
  const version =
    Bun.spawnSync([bin, "--version"], { env: { HOME: temp.home } })
      .stdout.toString()
      .split(" ")[0] ?? "";
  const sessionId = crypto.randomUUID();
  const file = join(temp.path, `${sessionId}.jsonl`);
  await writeFile(
    file,
    historyOf({
      messages: history.map(asHistory),
      sessionId,
      model,
      cwd: temp.home,
      version: capabilitiesOf(version).version,
      now: Date.now(),
    }),
    { mode: 0o600 },
  );
  return file;
}

const asHistory = ({ role, content }: Message): HistoryMessage => ({
  role,
  content: [{ type: "text", text: content }],
});
