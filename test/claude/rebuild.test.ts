/** A conversation that lost its process goes on as if it had not: what goes up is the same text, byte for byte. */

import { describe, expect, test } from "bun:test";
import type { Message, Sampling } from "../../src/core/conversation.ts";
import type { Script, ScriptBlock } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import {
  called,
  drive,
  growsByAppending,
  rebuiltBy,
  result,
  said,
  saidUpstream,
  text,
  tool,
  toolbox,
  user,
} from "./engine.ts";

const thought = (thinking: string): ScriptBlock => ({ type: "thinking", thinking, signature: btoa(thinking) });
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const picture = {
  type: "image" as const,
  source: { type: "base64" as const, media_type: "image/png" as const, data: png },
};

/** What the client says, and what it gets for it. */
const steps: Array<[Message, Script, Partial<Sampling>?]> = [
  [user("first"), { blocks: [thought("Hm."), "One."] }],
  [
    user("second", picture),
    { blocks: [thought("A call."), "Let me see.", called("toolu_1", "read_file", { b: 1, a: "x  \ny" })] },
  ],
  [user(result("toolu_1", "what is in it")), { blocks: [thought("Two."), called("toolu_2"), called("toolu_3")] }],
  [
    user(
      { ...result("toolu_2", "fine"), content: [text("fine"), picture] },
      result("toolu_3", "it failed", { is_error: true }),
    ),
    { blocks: [thought("Done."), "Three."] },
  ],
  [
    user("fourth", { type: "system", text: "Be kind." }),
    { blocks: [{ type: "redacted_thinking", data: "c2VjcmV0" }, "Four."] },
  ],
  [user("fifth"), { blocks: [called("toolu_4")] }],
  [user({ ...result("toolu_4", ""), content: [] }), { blocks: ["Five."] }],
  [user("sixth"), { blocks: ["Six."] }, { effort: "max" }],
  [user("seventh"), { blocks: ["Seven."] }, { effort: "max" }],
  [user("eighth"), { blocks: ["Eight."] }],
];

/** Runs all steps; `lose` is called before each but the first. The client drops all thinking, and writes calls anew. */
async function bodies(cli: (typeof cliVersions)[number], model: string, losing: boolean) {
  let liveMax = 16;
  await using driven = await drive(cli, { liveMax: () => liveMax });
  const messages: Message[] = [];
  const paths: string[] = [];
  const reasons: Array<string | null> = [];
  for (const [message, script, sampling] of steps) {
    if (losing) {
      liveMax = 0;
      driven.engine.reconsider();
      liveMax = 16;
    }
    driven.script(script);
    messages.push(message);
    const answer = await driven.turn(messages, {
      model,
      toolbox: toolbox(tool("read_file")),
      sampling: { stop: [], ...sampling },
    });
    messages.push(said(answer));
    paths.push(answer.path);
    reasons.push(answer.reason);
  }
  const sent = driven.upstream().map(({ metadata: _, ...body }) => JSON.stringify(body, null, 1));
  return { bodies: sent.map((text) => text.replaceAll(driven.home, "/home")), paths, reasons };
}

const models = ["claude-sonnet-5-5", "claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5"];

describe.each(cliVersions)("a conversation that is evicted after each of its turns (%s)", (cli) => {
  test.each(models)(
    "sends what a live one sends, on %s",
    async (model) => {
      const live = await bodies(cli, model, false);
      const rebuilt = await bodies(cli, model, true);
      expect(live.paths.slice(1)).not.toContain("new");
      expect(rebuilt.reasons).toEqual(["new", ...steps.slice(1).map(() => "evicted")]);
      expect(rebuilt.bodies).toHaveLength(steps.length);
      for (const [at, body] of live.bodies.entries()) {
        expect(rebuilt.bodies[at]).toBe(body);
      }
    },
    120_000,
  );
});

test.each(cliVersions)(
  "what went in beside results stays there when the process is lost behind it (%s)",
  async (cli) => {
    let liveMax = 16;
    await using driven = await drive(cli, { liveMax: () => liveMax });
    const tools = { toolbox: toolbox(tool("read_file")) };
    driven.script(called("toolu_1"), called("toolu_2"), "Three.", "Four.");
    const messages = [user("first")];
    const go = async (next: Message) => {
      const answer = await driven.turn(messages, tools);
      messages.push(said(answer), next);
      return answer.path;
    };
    await go(user(result("toolu_1", "one"), "And be quick.", { type: "system", text: "Be kind." }));
    expect(await go(user(result("toolu_2", "two"), "Go on."))).toBe("parked");
    const lose = () => {
      liveMax = 0;
      driven.engine.reconsider();
      liveMax = 16;
    };
    lose();
    // Nobody waits for these: they stand beside the results as the client sent them.
    expect(await go(user("third"))).toBe(rebuiltBy(cli));
    expect(saidUpstream(driven.upstream()[2]).at(-1)).toBe("user: two | Go on.");
    lose();
    expect(await go(user("fourth"))).toBe(rebuiltBy(cli));
    expect(growsByAppending(driven.upstream())).toBe(true);
    expect(driven.upstream()).toHaveLength(4);
  },
  60_000,
);
