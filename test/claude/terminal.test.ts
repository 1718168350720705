/** The interactive mode: the CLI in a terminal of ours gives the answers that it gives headless, and leaves nothing behind. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { createBridge } from "../../src/claude/bridge.ts";
import { createTerminalAnswer } from "../../src/claude/terminal/answer.ts";
import { createFigures } from "../../src/claude/terminal/figures.ts";
import { prepareHome } from "../../src/claude/terminal/home.ts";
import type { TerminalSettings } from "../../src/claude/terminal/settings.ts";
import { createStation } from "../../src/claude/terminal/station.ts";
import { createToolSet } from "../../src/claude/tool-set.ts";
import type { ImageBlock, Message } from "../../src/core/conversation.ts";
import { OcpError } from "../../src/core/errors.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import type { ErrorStatus, Script } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import { isAlive, processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import {
  called,
  calls,
  growsByAppending,
  result,
  said,
  saidUpstream,
  sessionOf,
  sessionsOf,
  text,
  tool,
  toolbox,
  user,
} from "./engine.ts";
import { type DrivenTerminal, driveTerminal } from "./terminal.ts";

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const image: ImageBlock = { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } };
const past = (id: string) => ({ type: "tool_use" as const, id, name: "read_file", input: { path: id } });
const code = (error: unknown) => (error instanceof OcpError ? error.code : error);

/** All files below a directory but what the CLI keeps of its own from session to session. */
function filesBelow(directory: string): string[] {
  const kept = /^(home\/(\.claude\.json$|\.claude\/backups|\.config|\.local|\.cache|tmp))/;
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((name) => !kept.test(name));
}

const ownHome = (path: string): TerminalSettings => ({
  home: { path: join(path, "tui-home"), ours: true },
  cwd: join(path, "work"),
  sessions: join(path, "sessions"),
  entrypoint: "auto",
  effort: "low",
  poolSize: 0,
});

/** Waits until no session is left in any form. */
async function nothingLeft({ temp, directory }: DrivenTerminal): Promise<void> {
  await waitUntil("no process is left", () => processesAtHome(temp.home).length === 0);
  await waitUntil("no file is left", () => filesBelow(directory).length === 0);
}

describe.each(cliVersions)("the interactive CLI (%s)", (cli) => {
  let driven: DrivenTerminal;
  beforeAll(async () => {
    driven = await driveTerminal(cli);
  });
  beforeEach(() => {
    driven.engine.clearSessions();
    driven.simulator.reset();
  });
  afterAll(() => driven[Symbol.asyncDispose]());

  test("answers, with the usage of its one request, and says that it was no programmatic session", async () => {
    driven.script({ blocks: ["Hello there."], usage: { input: 11, output: 7 } });
    const answer = await driven.turn([user("hi")]);
    expect(answer).toMatchObject({ path: "new", reason: "new", content: [text("Hello there.")], stop: "end_turn" });
    expect(answer.usage).toMatchObject({ input: 11, output: 7 });
    const [body, ...more] = driven.upstream();
    expect(more).toEqual([]);
    expect(body.system.at(-1).text).toBe("Be brief.");
    expect(body.tools ?? []).toEqual([]);
    expect(body.output_config).toEqual({ effort: "low" });
    expect((await driven.engine.status()).terminal).toMatchObject({ lastEntrypoint: "cli", entrypointMismatches: 0 });
  }, 30_000);

  test("lets an answer out line by line while it is made, and it is the text that was written down", async () => {
    const lines = [
      "\n\n  First **line**\n",
      "\tsecond\n\n\n",
      "```js\nlet a;\n\n```\n",
      "| a |\n|--|\n",
      "the end  \n",
    ];
    driven.script({ blocks: [{ type: "text", text: lines }], paceMs: 150 });
    const seen: TurnEvent[] = [];
    let before = 0;
    for await (const event of driven.stream([user("go")])) {
      seen.push(event);
      if (event.type === "delta" && driven.simulator.requests.at(-1)) before++;
    }
    const deltas = seen.flatMap((event) =>
      event.type === "delta" && event.delta.type === "text" ? [event.delta.text] : [],
    );
    expect(deltas.join("")).toBe(lines.join(""));
    expect(deltas.length).toBeGreaterThan(2);
    expect(before).toBe(deltas.length);
    expect(seen.map(({ type }) => type).filter((type) => type !== "delta")).toEqual([
      "start",
      "block_start",
      "block_stop",
      "end",
    ]);
  }, 30_000);

  test("keeps a conversation of ten turns in one session, each request a prefix of the next", async () => {
    driven.script({ blocks: ["Yes."] });
    const messages: Message[] = [];
    for (let turn = 1; turn <= 10; turn++) {
      messages.push(user(`question ${turn}`));
      const answer = await driven.turn(messages);
      expect(answer).toMatchObject({ path: turn === 1 ? "new" : "live", content: [text("Yes.")] });
      messages.push(said(answer));
    }
    const bodies = driven.upstream();
    expect(bodies).toHaveLength(10);
    expect(sessionsOf(bodies).size).toBe(1);
    expect(growsByAppending(bodies)).toBe(true);
  }, 60_000);

  test("enters a past conversation with its true roles, pictures, calls and results", async () => {
    driven.script({ blocks: ["Right."] });
    const messages: Message[] = [
      user("/clear first", image),
      { role: "assistant", content: [text("calling"), past("toolu_1"), past("toolu_2")] },
      user(result("toolu_1", "AAA"), result("toolu_2", "BBB", { is_error: true })),
      { role: "assistant", content: [text("done")] },
      user("and now?"),
    ];
    const answer = await driven.turn(messages, { model: "claude-sonnet-5-5" });
    expect(answer).toMatchObject({ path: "new", content: [text("Right.")] });
    const [body] = driven.upstream();
    expect(saidUpstream(body)).toEqual([
      "user: /clear first",
      "assistant: calling",
      "user: AAA | BBB",
      "assistant: done",
      "user: and now?",
    ]);
    expect(JSON.stringify(body.messages)).toContain(pixel);
    expect(JSON.stringify(body.messages)).toContain('"is_error":true');
    expect(await driven.turn([...messages, said(answer), user("more")], { model: "claude-sonnet-5-5" })).toMatchObject({
      path: "live",
      reason: null,
    });
  }, 60_000);

  test("enters a conversation that the assistant begins", async () => {
    driven.script({ blocks: ["Well."] });
    await driven.turn([{ role: "assistant", content: [text("Hello!")] }, user("hi")]);
    expect(saidUpstream(driven.upstream()[0])).toEqual([
      "user: (The assistant speaks first.)",
      "assistant: Hello!",
      "user: hi",
    ]);
  }, 30_000);

  test("takes a prompt of 200 KB as it is", async () => {
    driven.script({ blocks: ["Long."] });
    const long = Array.from({ length: 4_000 }, (_, line) => `${line}\t${"x".repeat(45)}`).join("\n");
    expect(long.length).toBeGreaterThan(200_000);
    expect((await driven.turn([user(long)])).content).toEqual([text("Long.")]);
    expect(saidUpstream(driven.upstream()[0])).toEqual([`user: ${long}`]);
  }, 60_000);

  const secret = () => join(driven.temp.path, "secret.png");
  const marker = () => join(driven.temp.path, "marker");
  const hostile: Array<[string, () => string, (() => string)?]> = [
    ["a command of the shell", () => `!touch ${marker()}`],
    ["a substitution", () => `$(touch ${marker()}) \`touch ${marker()}\``],
    ["a command of the CLI", () => "/clear"],
    ["a long command of the CLI", () => `/model ${"y".repeat(2_000)}`],
    ["a command of the CLI behind what cannot be seen", () => "\u2060/exit", () => "/exit"],
    ["one behind what 2.1.330 takes away", () => "\u034f/clear", () => "/clear"],
    ["another behind that", () => "\u3164\ufe0f/exit", () => "/exit"],
    ["the word that ends the CLI behind that", () => "\u034fexit", () => "exit."],
    ["a shell command behind that", () => `\u034f!touch ${marker()}`, () => `!touch ${marker()}`],
    ["letters of a rare form", () => "葛\u{E0100}飾 a\u3164b", () => "葛飾 ab"],
    [
      "the marks of a paste",
      () => '<pasted_content id="1">a</pasted_content>',
      () => '&lt;pasted_content id="1">a&lt;/pasted_content>',
    ],
    ["a command at its end", () => "what does /exit"],
    ["the word that ends the CLI", () => "exit", () => "exit."],
    ["the other word that does", () => " :q! \n", () => ":q!."],
    ["a file of this host", () => "@/etc/hostname"],
    ["a file of this host at its end", () => "look at @/etc/hostname"],
    ["a picture of this host", () => secret()],
    ["a picture of this host among words", () => `see\n'${secret()}'\n${secret()}`],
    ["the composer's own marks", () => "[Image #1] [Pasted text #1 +3 lines]"],
    ["escape sequences", () => "a\u001b[31mred\u001b]0;title\u0007b", () => "a␛[31mred␛]0;title␇b"],
    ["the end of a bracketed paste", () => "a\u001b[201~\r/exit\r", () => "a␛[201~\n/exit"],
    ["keys", () => "\u0003\u0004\u001a\u007fdone\u0000\u0008", () => "␃␄␚␡done␀␈"],
    ["a note", () => "#remember this"],
    ["a backslash at its end", () => "C:\\"],
    ["line ends at its end", () => "words\n\n\n", () => "words"],
    ["tabs and spaces", () => "  a\tb  \n\n\t\tc"],
    ["invisible characters", () => "a\u202eb\u200bc"],
    ["emoji", () => "é 😀 \u{1F468}\u200d\u{1F469}\u200d\u{1F467} ❤\ufe0f"],
    ["a question mark alone", () => "?"],
  ];

  test("sends hostile prompts as words, and does nothing else with them", async () => {
    driven.script({ blocks: ["ok"] });
    writeFileSync(secret(), Buffer.from(pixel, "base64"));
    const messages: Message[] = [];
    const bare = (words: string) => words.trim().replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "");
    for (const [name, prompt, expected = prompt] of hostile) {
      messages.push(user(prompt()));
      const answer = await driven.turn(messages).catch((error) => {
        throw new Error(`${name}: ${error}`);
      });
      expect([name, answer.content]).toEqual([name, [text("ok")]]);
      const last = saidUpstream(driven.upstream().at(-1)).at(-1) ?? "";
      expect([name, bare(last.replace(/^user: /, ""))]).toEqual([name, bare(expected())]);
      messages.push(said(answer));
    }
    const everything = JSON.stringify(driven.upstream());
    expect(driven.upstream()).toHaveLength(hostile.length);
    expect(everything).not.toContain(pixel);
    expect(everything).not.toContain(readFileSync("/etc/hostname", "utf8").trim() || "no host has this name");
    expect(existsSync(marker())).toBe(false);
  }, 120_000);

  test("takes pictures, where they stand among the words", async () => {
    driven.script({ blocks: ["Nice."] });
    const first = [user("compare", image, "with", image)];
    const answer = await driven.turn(first);
    const [body] = driven.upstream();
    const sent = body.messages.at(-1).content.filter(({ type }: any) => type === "image");
    expect(sent.map(({ source }: any) => source)).toEqual([image.source, image.source]);
    expect(saidUpstream(body)[0]).toStartWith("user: compare\n[Image #1]\nwith\n[Image #2]");
    const second = await driven.turn([...first, said(answer), user("and", image)]);
    expect(second.path).toBe("live");
    expect(
      driven
        .upstream()[1]
        .messages.at(-1)
        .content.filter(({ type }: any) => type === "image"),
    ).toHaveLength(1);
  }, 60_000);

  test.each<[string, Message]>([
    [
      "takes no PDF",
      user("read", { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } }),
    ],
    ["by URL", user({ type: "image", source: { type: "url", url: "https://example.org/a.png" } })],
    ["without visible text", user(" \n\u200b")],
  ])("says clearly that it %s", async (words, message) => {
    const error = await driven.turn([message]).catch((caught) => caught);
    expect(code(error)).toBe("invalid_request");
    expect(error.message).toContain("interactive CLI (CLAUDE_TUI_MODE)");
    expect(error.message).toContain(words);
    expect(driven.upstream()).toEqual([]);
  });

  test.each<[ErrorStatus, string, string | undefined]>([
    [400, "invalid_request", undefined],
    [400, "context_length_exceeded", "prompt is too long: 300000 tokens > 200000 maximum"],
    [401, "upstream_authentication", undefined],
    [403, "upstream_permission", undefined],
    [404, "model_not_found", undefined],
    [413, "body_too_large", undefined],
    [429, "plan_limit", undefined],
    [500, "upstream_failed", undefined],
    [529, "overloaded", undefined],
  ])(
    "tells an error %i of the API as %s, never as an answer",
    async (status, expected, message) => {
      driven.script({ status, ...(message && { message }) });
      const events: TurnEvent[] = [];
      const failure = await (async () => {
        for await (const event of driven.stream([user("hi")])) events.push(event);
      })().catch((error) => error);
      expect(code(failure)).toBe(expected);
      expect(failure.message).not.toContain("/login");
      expect(events).toEqual([]);
      await nothingLeft(driven);
    },
    60_000,
  );

  test("gives a text that reads like an error as the answer that it is", async () => {
    driven.script({ blocks: ["API Error: 500 is what you saw."] });
    expect((await driven.turn([user("hi")])).content).toEqual([text("API Error: 500 is what you saw.")]);
  }, 30_000);

  test("ends an answer that was cut by max_tokens there, and lets the CLI ask for no more", async () => {
    driven.simulator.play(({ number }) => ({
      blocks: [`part ${number}`],
      stop: "max_tokens",
      delayMs: number === 1 ? 0 : 5_000,
    }));
    const answer = await driven.turn([user("hi")], { sampling: { stop: [], maxTokens: 50 } });
    expect(answer).toMatchObject({ content: [text("part 1")], stop: "max_tokens" });
    await nothingLeft(driven);
    expect(driven.upstream().length).toBeLessThanOrEqual(2);
    expect(driven.upstream()[0].max_tokens).toBe(50);
  }, 30_000);

  test("hands a request's parameters on", async () => {
    driven.script({ blocks: ["so"] });
    await driven.turn([user("hi")], { sampling: { stop: ["END"], temperature: 0.3, effort: "none" } });
    expect(driven.upstream()[0]).toMatchObject({
      temperature: 0.3,
      stop_sequences: ["END"],
      thinking: { type: "disabled" },
    });
  }, 30_000);

  test("an answer that was cut off after its begin fails, and is not called complete", async () => {
    driven.simulator.play(({ number }) =>
      number === 1
        ? {
            blocks: [{ type: "text", text: ["one\n", "two\n", "three\n"] }],
            paceMs: 150,
            fault: { kind: "cut", after: 2 },
          }
        : { blocks: ["something else"] },
    );
    const events: TurnEvent[] = [];
    const failure = await (async () => {
      for await (const event of driven.stream([user("hi")])) events.push(event);
    })().catch((error) => error);
    expect(code(failure)).toBe("upstream_failed");
    expect(events.some(({ type }) => type === "end")).toBe(false);
    await nothingLeft(driven);
  }, 30_000);

  test.each([
    ["in a second piece of text", { type: "text" as const, text: ["second\n", "third\n"] }],
    [
      "in a call",
      { type: "tool_use" as const, id: "toolu_1", name: "mcp__c__read_file", input: ['{"pa', 'th":"a', '"}'] },
    ],
  ])(
    "one that was cut off %s is not called complete either",
    async (_where, second) => {
      driven.script({ blocks: ["first\n", second], paceMs: 20, fault: { kind: "cut", after: 2 } });
      const options = { toolbox: toolbox(tool("read_file")) };
      const failure = await driven.turn([user("hi")], options).catch((error) => error);
      expect(code(failure)).toBe("upstream_failed");
      await nothingLeft(driven);
    },
    30_000,
  );

  test("an answer that ends with a stop text of the client's is charged, by an estimate", async () => {
    driven.script({ blocks: [{ type: "text", text: ["some words\n", "more\n"] }], paceMs: 100 });
    const answer = await driven.turn([user("hi")], { sampling: { stop: ["\n"] } });
    expect(answer).toMatchObject({ content: [text("some words")], stop: "stop_sequence" });
    expect(answer.usage.output).toBeGreaterThan(0);
    expect(answer.usage.input).toBeGreaterThan(0);
    expect(Number.isInteger(answer.usage.output)).toBe(true);
  }, 30_000);

  test("a picture that cannot be read is refused before anything is started", async () => {
    const broken: ImageBlock = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
    await waitUntil("the sessions of other tests are gone", () => processesAtHome(driven.temp.home).length === 0);
    const failure = await driven.turn([user("look", broken)]).catch((error) => error);
    expect(failure).toMatchObject({ code: "invalid_request", reason: "unsupported_in_tui_mode" });
    expect(processesAtHome(driven.temp.home)).toEqual([]);
  }, 30_000);

  test("room for one more session is made by ending one", async () => {
    const MiB = 1024 * 1024;
    await using other = await driveTerminal(cli, {}, { memoryMax: (70 + 3 * 200) * MiB });
    other.script({ blocks: ["Yes."] });
    for (const name of ["a", "b", "c", "d"]) await other.turn([user(name)]);
    expect(other.engine.sessions()).toHaveLength(3);
    await waitUntil("three are left", () => processesAtHome(other.temp.home).length <= 3);
  }, 60_000);

  test("room is made by whoever holds most, and a limit that is lowered ends what is over it", async () => {
    const MiB = 1024 * 1024;
    const memoryFor = (count: number) => (70 + count * 200) * MiB;
    let memoryMax = memoryFor(3);
    await using other = await driveTerminal(cli, {}, { memoryMax: () => memoryMax });
    other.simulator.play(({ number }) => ({ blocks: [called(`toolu_${number}`, "mcp__c__read_file")] }));
    const tools = { toolbox: toolbox(tool("read_file")) };
    const owners = () => other.engine.sessions().map(({ principalId }) => principalId);
    await other.turn([user("mine")], tools, "small");
    for (const name of ["a", "b", "c"]) await other.turn([user(name)], tools, "greedy");
    expect(owners()).toEqual(["small", "greedy", "greedy"]);
    expect((await other.engine.status()).memory.estimate).toBe(memoryFor(3));
    memoryMax = memoryFor(2);
    other.engine.reconsider();
    expect(owners()).toEqual(["small", "greedy"]);
    await waitUntil("two are left", () => processesAtHome(other.temp.home).length <= 2);
  }, 60_000);

  describe("with the client's tools", () => {
    const tools = { toolbox: toolbox(tool("read_file"), tool("write_file")) };
    const calling = (...ids: string[]): Script => ({
      blocks: ["Let me see.", ...ids.map((id) => called(id, "mcp__c__read_file"))],
      paceMs: 2,
    });

    test("a loop of three steps stays in one session, each request a prefix of the next", async () => {
      driven.simulator.play(({ number }) => (number <= 3 ? calling(`toolu_${number}`) : { blocks: ["All done."] }));
      const messages: Message[] = [user("Do it.")];
      for (let step = 1; step <= 3; step++) {
        const answer = await driven.turn(messages, tools);
        expect(answer).toMatchObject({ stop: "tool_use", path: step === 1 ? "new" : "parked" });
        expect(answer.content[0]).toEqual(text("Let me see."));
        expect(calls(answer)).toEqual([
          { type: "tool_use", id: `toolu_${step}`, name: "read_file", input: { path: `toolu_${step}` } },
        ]);
        messages.push(said(answer), user(result(`toolu_${step}`, `content ${step}`)));
      }
      expect((await driven.turn(messages, tools)).content).toEqual([text("All done.")]);
      const bodies = driven.upstream();
      expect(bodies).toHaveLength(4);
      expect(sessionsOf(bodies).size).toBe(1);
      expect(growsByAppending(bodies)).toBe(true);
      expect(JSON.stringify(bodies.at(-1).messages)).toContain("content 3");
      expect(bodies[0].tools.map(({ name }: any) => name)).toEqual(["mcp__c__read_file", "mcp__c__write_file"]);
    }, 60_000);

    test("four calls at once take their results in any order, each its own", async () => {
      const ids = ["toolu_a", "toolu_b", "toolu_c", "toolu_d"];
      driven.simulator.play(({ number }) => (number === 1 ? calling(...ids) : { blocks: ["Done."] }));
      const first = await driven.turn([user("Do it.")], tools);
      expect(calls(first).map(({ id }) => id)).toEqual(ids);
      const results = ["toolu_c", "toolu_a", "toolu_d", "toolu_b"].map((id) => result(id, `of ${id}`));
      const second = await driven.turn([user("Do it."), said(first), user(...results)], tools);
      expect(second).toMatchObject({ path: "parked", content: [text("Done.")] });
      const sent = JSON.stringify(driven.upstream()[1].messages);
      for (const id of ids) expect(sent).toMatch(new RegExp(`"tool_use_id":"${id}"[^}]*|of ${id}`));
    }, 60_000);

    test("a pause between the end of the last call and the end of the message ends the turn with all of its calls", async () => {
      const steps = [0, 60, 200, 300, 1_000].flatMap((endDelayMs) => [1, 2].map((count) => ({ endDelayMs, count })));
      const idsOf = (step: number) => Array.from({ length: steps[step]!.count }, (_, at) => `toolu_${step}_${at}`);
      driven.simulator.play(({ number }) => {
        const step = steps[number - 1];
        if (!step) return { blocks: ["All done."] };
        const blocks = idsOf(number - 1).map((id) => called(id, "mcp__c__read_file"));
        return { blocks: number % 4 < 2 ? ["Let me see.", ...blocks] : blocks, endDelayMs: step.endDelayMs };
      });
      const messages: Message[] = [user("Do it.")];
      for (const [step, { endDelayMs }] of steps.entries()) {
        const answer = await driven.turn(messages, tools);
        const found = { endDelayMs, stop: answer.stop, ids: calls(answer).map(({ id }) => id) };
        expect(found).toEqual({ endDelayMs, stop: "tool_use", ids: idsOf(step) });
        expect(answer.usage.output).toBeGreaterThan(0);
        messages.push(said(answer), user(...idsOf(step).map((id) => result(id, `of ${id}`))));
      }
      expect((await driven.turn(messages, tools)).content).toEqual([text("All done.")]);
      const bodies = driven.upstream();
      expect(bodies).toHaveLength(steps.length + 1);
      expect(sessionsOf(bodies).size).toBe(1);
      expect(growsByAppending(bodies)).toBe(true);
    }, 120_000);

    test("a second call that takes the model its time is of the same answer as the first", async () => {
      const slow = { ...called("toolu_2", "mcp__c__read_file"), input: ['{"pa', 'th"', ':"b', '"}'] };
      driven.script({ blocks: [called("toolu_1", "mcp__c__read_file"), slow], paceMs: 300, endDelayMs: 300 });
      const answer = await driven.turn([user("Do it.")], tools);
      expect(calls(answer).map(({ id, input }) => [id, input])).toEqual([
        ["toolu_1", { path: "toolu_1" }],
        ["toolu_2", { path: "b" }],
      ]);
      expect(driven.upstream()).toHaveLength(1);
    }, 60_000);

    test("results whose session was lost go on in another one", async () => {
      driven.simulator.play(({ number }) => (number === 1 ? calling("toolu_1") : { blocks: ["Done."] }));
      const first = await driven.turn([user("Do it.")], tools);
      for (const { pid } of driven.engine.sessions()) process.kill(pid!, "SIGKILL");
      const second = await driven.turn([user("Do it."), said(first), user(result("toolu_1", "the content"))], tools);
      expect(second).toMatchObject({ path: "new", content: [text("Done.")] });
      expect(JSON.stringify(driven.upstream()[1].messages)).toContain("the content");
    }, 60_000);

    test("what the user says beside results goes into the session that waits, and is marked as the user's", async () => {
      driven.simulator.play(({ number }) => (number === 1 ? calling("toolu_1") : { blocks: ["Done."] }));
      const first = await driven.turn([user("Do it.")], tools);
      const mixed = user(result("toolu_1", "the content"), "and hurry");
      expect((await driven.turn([user("Do it."), said(first), mixed], tools)).content).toEqual([text("Done.")]);
      const last = driven.upstream()[1].messages.at(-1);
      expect(last.content[0]).toMatchObject({ type: "tool_result", tool_use_id: "toolu_1" });
      expect(JSON.stringify(last.content[0])).toContain("the content");
      expect(JSON.stringify(last.content[0])).toContain(
        JSON.stringify("<system-reminder>\nThe user says beside these results:\n\nand hurry\n</system-reminder>"),
      );
      expect(JSON.stringify(driven.upstream()[1].messages)).not.toMatch(/No response requested|where you left off/);
    }, 60_000);

    test("a call that the CLI answers itself ends the turn, instead of the two going on without the client", async () => {
      const strays: Script[] = [
        { blocks: [called("toolu_1", "read_file")] },
        { blocks: [called("toolu_1", "mcp__c__unknown")] },
        { blocks: [{ type: "tool_use", id: "toolu_1", name: "mcp__c__read_file", input: ["{no json"] }] },
      ];
      for (const stray of strays) {
        driven.simulator.reset();
        driven.script({ ...stray, delayMs: 200 } as Script);
        const failure = await driven.turn([user("Do it.")], tools).catch((error) => error);
        expect(code(failure)).toBe("upstream_failed");
        // Two attempts, each ended while its second request was on the way.
        expect(driven.upstream().length).toBeLessThanOrEqual(4);
      }
      await nothingLeft(driven);
    }, 60_000);

    test("a tool's long description reaches the model whole, and a name that would be lost is refused", async () => {
      driven.script({ blocks: ["Fine."] });
      const long = tool("read_file", `${"x".repeat(5_000)} end`);
      await driven.turn([user("hi")], { toolbox: toolbox(long) });
      expect(JSON.stringify(driven.upstream()[0])).toContain(`${"x".repeat(5_000)} end`);
      const failure = await driven
        .turn([user("hi")], { toolbox: toolbox(tool("n".repeat(121))) })
        .catch((error) => error);
      expect(failure).toMatchObject({ code: "invalid_request", reason: "unsupported_in_tui_mode" });
      expect(driven.upstream()).toHaveLength(1);
    }, 60_000);

    test("an answer in JSON is one", async () => {
      driven.simulator.play(() => ({ blocks: [called("toolu_j", "mcp__c__respond_with_json", { city: "Bern" })] }));
      const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
      const answer = await driven.turn([user("Where?")], { output: { name: "place", schema } });
      expect(answer).toMatchObject({ content: [text('{"city":"Bern"}')], stop: "end_turn" });
      expect(driven.upstream()[0].tool_choice).toMatchObject({ name: "mcp__c__respond_with_json" });
      await nothingLeft(driven);
      expect(driven.upstream()).toHaveLength(1);
    }, 60_000);
  });

  describe("that ends", () => {
    test("by its client's leaving, before and after the answer's begin, leaves nothing", async () => {
      for (const stage of ["booting", "asked", "begun"]) {
        driven.simulator.reset();
        driven.script({
          blocks: [{ type: "text", text: ["one\n", "two\n", "three\n"] }],
          paceMs: 2_000,
          ...(stage === "asked" && { delayMs: 10_000 }),
        });
        const leaving = new AbortController();
        const stream = driven.stream([user("hi")], {}, "ann", leaving.signal);
        const first = stream.next();
        first.catch(() => {});
        if (stage === "booting") await waitUntil("it boots", () => processesAtHome(driven.temp.home).length > 0);
        if (stage === "asked") await driven.simulator.message(1);
        if (stage === "begun") expect((await first).done).toBe(false);
        leaving.abort(new Error("gone"));
        const failure = await (async () => {
          await first;
          for await (const _ of stream);
        })().catch((error) => error);
        expect([stage, failure.message]).toEqual([stage, "gone"]);
        await nothingLeft(driven);
      }
      expect(driven.engine.sessions()).toEqual([]);
    }, 60_000);

    test("by a crash fails its turn alone", async () => {
      driven.script({ blocks: ["x"], delayMs: 10_000 });
      const failure = driven.turn([user("hi")]).catch((error) => error);
      await driven.simulator.message(1);
      driven.simulator.play(() => ({ status: 400 }));
      for (const { pid } of driven.engine.sessions()) process.kill(pid!, "SIGKILL");
      // The engine tries it once more on another session.
      expect(code(await failure)).toBe("invalid_request");
      await nothingLeft(driven);
      driven.script({ blocks: ["fine"] });
      expect((await driven.turn([user("hi")])).content).toEqual([text("fine")]);
    }, 60_000);

    test("between two turns is noticed, and the conversation goes on in another", async () => {
      driven.script({ blocks: ["fine"] });
      const first = await driven.turn([user("hi")]);
      const [session] = driven.engine.sessions();
      process.kill(session!.pid!, "SIGKILL");
      await waitUntil("it is forgotten", () => driven.engine.sessions().length === 0);
      expect(await driven.turn([user("hi"), said(first), user("more")])).toMatchObject({ path: "new" });
      expect(sessionsOf(driven.upstream()).size).toBe(2);
    }, 60_000);

    test("with the server leaves nothing", async () => {
      await using other = await driveTerminal(cli, { poolSize: 1 });
      other.script({ blocks: ["fine"] });
      await other.turn([user("hi")]);
      await waitUntil("a session is warm", async () => (await other.engine.status()).terminal!.pool.warm === 1, 20_000);
      await other.engine.close(0);
      expect(processesAtHome(other.temp.home)).toEqual([]);
      expect(filesBelow(other.directory)).toEqual([]);
    }, 60_000);
  });

  test("an answer that takes too long ends with an error, whatever of it went out", async () => {
    await using other = await driveTerminal(cli, {}, { timeout: 4_000, timeoutName: "CLAUDE_TUI_WALLCLOCK_MS" });
    other.script({
      blocks: [{ type: "text", text: ["one\n", "two\n"] }],
      paceMs: 1,
      fault: { kind: "stall", after: 1 },
    });
    const events: TurnEvent[] = [];
    const failure = await (async () => {
      for await (const event of other.stream([user("hi")])) events.push(event);
    })().catch((error) => error);
    expect(code(failure)).toBe("timeout");
    expect(failure.message).toContain("CLAUDE_TUI_WALLCLOCK_MS");
    expect(events.some(({ type }) => type === "end")).toBe(false);
    await nothingLeft(other);
  }, 60_000);

  test("a warm session answers the first message of one conversation, and of no other", async () => {
    await using other = await driveTerminal(cli, { poolSize: 1 });
    const warm = () =>
      waitUntil("a session is warm", async () => (await other.engine.status()).terminal!.pool.warm === 1, 20_000);
    other.script({ blocks: ["fine"] });
    await other.turn([user("one")]);
    await warm();
    expect(await other.turn([user("two")], {}, "bob")).toMatchObject({ path: "spare", content: [text("fine")] });
    await warm();
    expect((await other.turn([user("three")], { system: "Another prompt." })).path).toBe("new");
    const bodies = other.upstream();
    expect(new Set(bodies.map(sessionOf)).size).toBe(3);
    expect(saidUpstream(bodies[1])).toEqual(["user: two"]);
    expect((await other.engine.status()).terminal!.pool).toMatchObject({
      size: 1,
      hits: 1,
      misses: 2,
      bootFailures: 0,
    });
  }, 90_000);

  test("uses tools of this host where the operator asks for them, and then the answer spans the messages", async () => {
    await using other = await driveTerminal(
      cli,
      {},
      { hostTools: { allowed: ["Read"], mcpConfig: undefined, skipPermissions: false, keys: [] } },
    );
    const file = join(other.temp.path, "note.txt");
    writeFileSync(file, "the note's words");
    other.simulator.play(({ number }) =>
      number === 1
        ? { blocks: ["Reading.", called("toolu_r", "Read", { file_path: file })] }
        : { blocks: ["Read it."] },
    );
    const answer = await other.turn([user("read it")], {}, "local");
    expect(answer).toMatchObject({ content: [text("Reading.\n\nRead it.")], stop: "end_turn" });
    const [first, second] = other.upstream();
    expect(first.tools.map(({ name }: any) => name)).toEqual(["Read"]);
    expect(JSON.stringify(second.messages)).toMatch(/the note's words|hasn't been granted|permission/);
  }, 60_000);

  test("what a tool of this host has started goes with its turn", async () => {
    await using other = await driveTerminal(
      cli,
      {},
      { hostTools: { allowed: ["Bash"], mcpConfig: undefined, skipPermissions: false, keys: [] } },
    );
    const began = join(other.temp.path, "began");
    const command = `touch ${began}; sleep 3219`;
    other.script({ blocks: [called("toolu_b", "Bash", { command, description: "Waits." })] });
    const leaving = new AbortController();
    const stream = other.stream([user("wait")], {}, "local", leaving.signal);
    const first = stream.next().catch(() => null);
    await waitUntil("it runs", () => existsSync(began), 20_000);
    leaving.abort();
    await first;
    await waitUntil("nothing runs any more", () => processesAtHome(other.temp.home).length === 0, 10_000);
  }, 60_000);

  test("in the owner's home adds its own trust to the CLI's configuration, keeps the rest, and takes its files away", async () => {
    await using other = await driveTerminal(cli, {}, { oauthToken: undefined });
    const login = {
      accessToken: "sk-ant-oat01-file",
      refreshToken: "sk-ant-ort01-x",
      expiresAt: Date.now() + 60_000,
      scopes: ["user:inference"],
    };
    mkdirSync(join(other.temp.home, ".claude", "projects", "mine"), { recursive: true });
    writeFileSync(join(other.temp.home, ".claude", "projects", "mine", "a.jsonl"), "mine\n");
    writeFileSync(join(other.temp.home, ".claude", ".credentials.json"), JSON.stringify({ claudeAiOauth: login }));
    const configuration = {
      hasCompletedOnboarding: true,
      theme: "light",
      projects: { "/mine": { hasTrustDialogAccepted: true } },
    };
    const file = join(other.temp.home, ".claude.json");
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    other.script({ blocks: ["fine"] });
    const answer = await other.turn([user("hi")]).catch((error) => error);
    // The login is about to expire, so the CLI itself is to refresh it, and there is nobody to ask here.
    if (answer instanceof Error) expect(code(answer)).toMatch(/upstream_authentication|not_ready|upstream_failed/);
    await waitUntil("no process is left", () => processesAtHome(other.temp.home).length === 0, 20_000);
    const after = JSON.parse(readFileSync(file, "utf8"));
    expect(after).toMatchObject(configuration);
    expect(after.projects[join(other.directory, "work")]).toMatchObject({ hasTrustDialogAccepted: true });
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(readFileSync(join(other.temp.home, ".claude", "projects", "mine", "a.jsonl"), "utf8")).toBe("mine\n");
    await waitUntil(
      "its files are gone",
      () => readdirSync(join(other.temp.home, ".claude", "projects")).join() === "mine",
    );
    expect(existsSync(`${file}.lock`)).toBe(false);
  }, 60_000);
});

test.each([
  [true, "sdk-cli", 1],
  [true, "cli", 0],
  [false, "sdk-cli", 0],
])(
  "turns that the CLI calls something else are counted while that is watched (%p, %s)",
  (watches, entrypoint, count) => {
    const figures = createFigures(watches);
    figures.answered({ streamed: { deltas: 1, toppedUp: false, diverged: false } } as never, entrypoint);
    expect(figures.status()).toMatchObject({ lastEntrypoint: entrypoint, entrypointMismatches: count });
  },
);

test("a session of a server that is gone goes with it, and the next server takes away what it left", async () => {
  await using driven = await driveTerminal("newest");
  expect(isAlive(process.pid)).toBe(true);
  const dead = join(driven.directory, "sessions", "999999999-0b0e7c3e-0000-4000-8000-000000000000");
  mkdirSync(join(dead, "images"), { recursive: true });
  const project = join(driven.directory, "home", ".claude", "projects", "x");
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, "left.jsonl"), "left\n");
  await driven.engine.close(0);
  await using next = await driveTerminal("newest", {
    home: { path: join(driven.directory, "home"), ours: true },
    cwd: join(driven.directory, "work"),
    sessions: join(driven.directory, "sessions"),
  });
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(project)).toBe(false);
  next.script({ blocks: ["fine"] });
  expect((await next.turn([user("hi")])).content).toEqual([text("fine")]);
}, 30_000);

test("of a home that is not ours, a later server takes away only what the sessions of the one before left", async () => {
  await using temp = await createTemp();
  const [home, cwd, sessions] = [temp.home, join(temp.path, "work"), join(temp.path, "sessions")];
  const [id, other] = ["0b0e7c3e-0000-4000-8000-000000000000", "0b0e7c3e-0000-4000-8000-000000000001"];
  const put = (path: string, text = "") => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  put(join(sessions, `999999999-${id}`, "pid"), "999999998");
  put(join(sessions, `1-${other}`, "pid"), "999999997");
  mkdirSync(cwd);
  const project = join(home, ".claude", "projects", realpathSync(cwd).replace(/[^A-Za-z0-9]/g, "-"));
  for (const [session, pid] of [
    [id, 999999998],
    [other, 999999997],
  ]) {
    put(join(project, `${session}.jsonl`));
    put(join(home, `.claude.json.tmp.${pid}.0a1b2c3d`));
    put(join(home, ".claude", "sessions", `${pid}.json`));
  }
  await prepareHome(
    { ...ownHome(temp.path), home: { path: home, ours: false } },
    { home, claudeConfig: join(home, ".claude") },
  );
  const kept = await Array.fromAsync(new Bun.Glob("**").scan({ cwd: home, dot: true }));
  expect(kept.toSorted()).toEqual(
    [
      ".claude.json.tmp.999999997.0a1b2c3d",
      relative(home, join(project, `${other}.jsonl`)),
      ".claude/sessions/999999997.json",
    ].toSorted(),
  );
  expect(readdirSync(sessions)).toEqual([`1-${other}`]);
});

test("the CLI's lock on its configuration is waited for, and one that a killed program left is not", async () => {
  await using temp = await createTemp();
  const file = join(temp.home, ".claude.json");
  const home = await prepareHome(
    { ...ownHome(temp.path), home: { path: temp.home, ours: false } },
    { home: temp.home, claudeConfig: join(temp.home, ".claude") },
  );
  const trusts = () => JSON.parse(readFileSync(file, "utf8")).projects?.[home.cwd]?.hasTrustDialogAccepted === true;

  writeFileSync(file, "{}");
  mkdirSync(`${file}.lock`);
  const waiting = home.admit(temp.home);
  await Bun.sleep(200);
  expect(trusts()).toBe(false);
  rmdirSync(`${file}.lock`);
  await waiting;
  expect(trusts()).toBe(true);

  writeFileSync(join(temp.path, "elsewhere.json"), "{}");
  rmSync(file);
  symlinkSync(join(temp.path, "elsewhere.json"), file);
  mkdirSync(`${file}.lock`);
  utimesSync(`${file}.lock`, new Date(), new Date(Date.now() - 11_000));
  await home.admit(temp.home);
  expect(trusts()).toBe(true);
  expect(existsSync(`${file}.lock`)).toBe(false);
  expect(readlinkSync(file)).toBe(join(temp.path, "elsewhere.json"));
});

test.each([
  ["is a file", async (path: string) => writeFileSync(path, "")],
  ["is too long", async () => {}],
])("a working directory that %s is refused by the name of its setting", async (what, prepare) => {
  await using temp = await createTemp();
  const cwd = join(temp.path, what === "is too long" ? `${"a".repeat(120)}/${"b".repeat(120)}` : "file");
  await prepare(cwd);
  const failure = await prepareHome(
    { ...ownHome(temp.path), cwd },
    { home: temp.home, claudeConfig: join(temp.home, ".claude") },
  ).catch((error) => error);
  expect(code(failure)).toBe("not_ready");
  expect(failure.message).toContain("OCP_TUI_CWD");
});

describe("an answer", () => {
  const line = (id: string, block: object, stop: string | null) => ({
    type: "assistant",
    message: { id, model: "claude", content: [block], stop_reason: stop, usage: { input_tokens: 3, output_tokens: 2 } },
  });
  const use = (id: string) => ({ type: "tool_use", id, name: "mcp__c__read_file", input: { path: id } });
  const begin = (past = new Set<string>(), changes: { entered?: boolean; now?: () => number } = {}) => {
    const events: TurnEvent[] = [];
    const answer = createTerminalAnswer({
      model: "claude",
      ignored: [],
      path: "new",
      reason: "new",
      stop: [],
      nameOf: (name) => name,
      mustCall: false,
      output: null,
      spans: false,
      emit: (event) => events.push(event),
      entered: true,
      past,
      estimateInput: () => 1,
      now: () => 0,
      ...changes,
    });
    return { answer, events };
  };

  test("whose calls are written in two goes has all of them", () => {
    const { answer, events } = begin();
    expect(answer.read([line("m1", text("see"), "tool_use"), line("m1", use("t1"), "tool_use")]).kind).toBe("more");
    expect(answer.settled(new Set(["t1", "t2"])).kind).toBe("more");
    expect(answer.read([line("m1", use("t2"), "tool_use")]).kind).toBe("more");
    expect(answer.settled(new Set(["t1"])).kind).toBe("more");
    expect(answer.settled(new Set(["t1", "t2"]))).toEqual({ kind: "ended", left: "clean" });
    expect(events.filter(({ type }) => type === "block_start")).toHaveLength(3);
  });

  test("is not ended by what is read late of the turn before, and is ended by its own record, read in any order", () => {
    const at = (time: number) => new Date(time).toISOString();
    const words = (time: number) => ({ type: "user", timestamp: at(time), message: { content: "hi" } });
    const record = (time: number) => ({ type: "system", subtype: "turn_duration", timestamp: at(time) });
    const { answer, events } = begin(new Set(), { entered: false, now: () => 1_000 });
    for (const line of [words(500), record(900), words(1_100)]) expect(answer.read([line]).kind).toBe("more");
    expect(answer.settled(new Set()).kind).toBe("more");
    expect(answer.read([record(1_200)]).kind).toBe("more");
    expect(answer.settled(new Set())).toEqual({ kind: "ended", left: "astray" });
    expect(events.map(({ type }) => type)).toEqual(["start", "end"]);

    const other = begin(new Set(), { entered: false, now: () => 1_000 });
    other.answer.read([line("m1", text("one"), "end_turn"), record(1_200)]);
    expect(other.answer.settled(new Set()).kind).toBe("more");
    expect(other.answer.read([words(1_100)])).toEqual({ kind: "ended", left: "clean" });
  });

  test("that is settled and whose calls were all made ends with them, though no reason was written down", () => {
    const { answer, events } = begin();
    expect(answer.read([line("m1", use("t1"), null), line("m1", use("t2"), null)]).kind).toBe("more");
    expect(answer.settled(new Set(["t1"])).kind).toBe("more");
    expect(answer.settled(new Set(["t1", "t2"]))).toEqual({ kind: "ended", left: "clean" });
    expect(events.at(-1)).toMatchObject({ type: "end", stop: "tool_use" });
  });

  test("is not taken for ended before the CLI says so, nor made of what an earlier one was", () => {
    const past = new Set<string>();
    const { answer, events } = begin(past);
    answer.display({ hook_event_name: "MessageDisplay", message_id: "d1", delta: "one\n" });
    expect(answer.read([line("m1", text("one\n"), "end_turn")]).kind).toBe("more");
    expect(answer.settled(new Set()).kind).toBe("more");
    expect(answer.stopped("two").kind).toBe("more");
    expect(answer.read([line("m1", text("two"), "end_turn")])).toEqual({ kind: "ended", left: "clean" });
    expect(events.at(-1)).toMatchObject({ type: "end", stop: "end_turn" });

    const next = begin(past);
    next.answer.display({ hook_event_name: "MessageDisplay", message_id: "d1", delta: "late" });
    expect(next.answer.read([line("m1", use("t9"), "tool_use")]).kind).toBe("more");
    expect(next.answer.settled(new Set(["t9"])).kind).toBe("more");
    expect(next.events).toEqual([]);
  });
});

test("a call whose caller has hung up does no harm when its result comes", async () => {
  const station = createStation();
  const bridge = createBridge();
  bridge.offer(createToolSet([tool("read_file")]));
  const arrived = Promise.withResolvers<void>();
  const address = station.open({ bridge, hook: () => ({}), listed() {}, called: () => arrived.resolve() });
  const leaving = new AbortController();
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "read_file", arguments: {}, _meta: { "claudecode/toolUseId": "toolu_1" } },
  });
  const calling = await fetch(address.mcpUrl, { method: "POST", body, signal: leaving.signal });
  await arrived.promise;
  leaving.abort();
  await calling.text().catch(() => {});
  bridge.resolve([result("toolu_1", "late")]);
  const again = await fetch(address.mcpUrl, { method: "POST", body: body.replace("tools/call", "ping") });
  expect(again.status).toBe(200);
  address.close();
  expect((await fetch(address.mcpUrl, { method: "POST", body })).status).toBe(404);
  station.close();
});
