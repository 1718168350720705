/**
 * Answers that end in a way after which the CLI would ask once more by itself: the model's message is the answer, with
 * what it thought and an honest end, and nobody pays for a second one.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AnswerScript, ScriptBlock } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { type Answered, type Driven, drive, user } from "./engine.ts";
import { type DrivenTerminal, driveTerminal } from "./terminal.ts";

const thinking: ScriptBlock = { type: "thinking", thinking: "Let me think." };
const redacted: ScriptBlock = { type: "redacted_thinking", data: "c2VjcmV0" };

interface Ending {
  name: string;
  script: AnswerScript;
  /** Of the answer: its blocks and its stop reason. */
  expected: [blocks: string[], stop: string];
}

const endings: Ending[] = [
  { name: "only thinking", script: { blocks: [thinking] }, expected: [["thinking"], "end_turn"] },
  {
    name: "only thinking that is hidden",
    script: { blocks: [redacted] },
    expected: [["redacted_thinking"], "end_turn"],
  },
  { name: "nothing", script: { blocks: [] }, expected: [[], "end_turn"] },
  { name: "white space", script: { blocks: [" \n"] }, expected: [["text"], "end_turn"] },
  { name: "a refusal", script: { blocks: ["No."], stop: "refusal" }, expected: [["text"], "refusal"] },
  { name: "a refusal without words", script: { blocks: [], stop: "refusal" }, expected: [[], "refusal"] },
  { name: "a cut", script: { blocks: ["One two"], stop: "max_tokens" }, expected: [["text"], "max_tokens"] },
  {
    name: "a cut while thinking",
    script: { blocks: [thinking], stop: "max_tokens" },
    expected: [["thinking"], "max_tokens"],
  },
  {
    name: "a full window",
    script: { blocks: ["One two"], stop: "model_context_window_exceeded" },
    expected: [["text"], "model_context_window_exceeded"],
  },
];
const callThatNeverCame: Ending = {
  name: "a call that never came",
  script: { blocks: ["One two"], stop: "tool_use" },
  expected: [["text"], "end_turn"],
};
/** The end comes in one piece, or drop by drop. */
const paces = [
  { pace: "at once", timing: { paceMs: 50 } },
  { pace: "slowly", timing: { paceMs: 20, endDelayMs: 200, stopDelayMs: 100 } },
];

/** Whatever is asked after the first message would be seen to be asked. */
function play({ simulator }: Driven, script: AnswerScript): void {
  simulator.reset();
  simulator.play(({ number }) => (number === 1 ? script : { blocks: ["A second answer."], delayMs: 10_000 }));
}

function shapeOf({ events, stop }: Answered): Ending["expected"] {
  const blocks = events.flatMap((event) => (event.type === "block_start" ? [event.block.type] : []));
  return [blocks, stop];
}

const thoughtsOf = ({ events }: Answered) =>
  events.map((event) => (event.type === "delta" && event.delta.type === "thinking" ? event.delta.text : "")).join("");

const modes = [
  { mode: "without tools of this host", options: {}, hides: false },
  {
    mode: "with tools of this host",
    options: { hostTools: { allowed: ["Read"], mcpConfig: undefined, skipPermissions: false, keys: [] } },
    hides: true,
  },
];

describe.each(cliVersions.flatMap((cli) => modes.map((each) => ({ cli, ...each }))))(
  "headless, $mode ($cli CLI)",
  ({ cli, options, hides }) => {
    let driven: Driven;
    beforeAll(async () => {
      driven = await drive(cli, options);
    });
    afterAll(() => driven[Symbol.asyncDispose]());

    test.each(paces)(
      "one request each, and the end as it was, when it comes $pace",
      async ({ timing }) => {
        for (const { name, script, expected } of [...endings, callThatNeverCame]) {
          // With tools of this host nothing may take the API from the CLI: it has to be ended before the message is over.
          play(driven, { ...script, ...(hides ? { stopDelayMs: 100 } : {}), ...timing });
          const answer = await driven.turn([user(name)], {}, "local");
          // What is hidden is not shown between the CLI's own steps.
          const blocks = hides ? expected[0].filter((type) => type !== "redacted_thinking") : expected[0];
          expect([name, ...shapeOf(answer)]).toEqual([name, blocks, expected[1]]);
          if (blocks.includes("thinking")) expect(thoughtsOf(answer)).toBe("Let me think.");
          await waitUntilNobodyAtHome(driven.home);
          expect([name, driven.upstream().length]).toEqual([name, 1]);
        }
        expect(driven.held()).toEqual([]);
      },
      90_000,
    );
  },
);

describe.each(cliVersions)("interactive (%s CLI)", (cli) => {
  let driven: DrivenTerminal;
  beforeAll(async () => {
    driven = await driveTerminal(cli);
  });
  afterAll(() => driven[Symbol.asyncDispose]());

  test("the end as it was, and what the CLI asks for more is cut off", async () => {
    const bare = endings.filter(({ expected: [blocks] }) => !blocks.includes("text"));
    for (const [at, { name, script, expected }] of bare.entries()) {
      play(driven, { ...script, ...paces[at % 2]!.timing });
      const answer = await driven.turn([user(name)], {}, "local");
      expect([name, ...shapeOf(answer)]).toEqual([name, ...expected]);
      if (expected[0].includes("thinking")) expect(thoughtsOf(answer)).toBe("Let me think.");
      const [, second, ...more] = driven.simulator.requests.filter(({ path }) => path === "/v1/messages");
      expect([name, more.length]).toEqual([name, 0]);
      // Nothing in this mode can take the API from the CLI: it has asked by the time that it tells.
      if (second) expect([name, await second.ended]).toEqual([name, "aborted"]);
      if (expected[1] === "refusal") expect([name, second]).toEqual([name, undefined]);
    }
    expect(driven.held()).toEqual([]);
  }, 120_000);
});
