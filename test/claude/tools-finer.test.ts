/** What the CLI does to tools, calls and results by itself, and that none of it reaches the client or the model. */

import { describe, expect, test } from "bun:test";
import type { Message, ToolChoice, ToolResultBlock } from "../../src/core/conversation.ts";
import { OcpError } from "../../src/core/errors.ts";
import type { ProcessPath } from "../../src/core/turn.ts";
import type { Script } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import { isAlive, waitUntil } from "../harness/processes.ts";
import {
  type Answered,
  called,
  calls,
  comparable,
  type Driven,
  drive,
  growsByAppending,
  rebuiltBy,
  result,
  resultsUpstream,
  said,
  saidUpstream,
  sessionOf,
  sessionsOf,
  shared,
  text,
  tool,
  toolbox,
  user,
  withoutReminders,
} from "./engine.ts";

/** After a call that it refuses the CLI asks again by itself; no model is so fast that this could overtake us. */
const slow = 40;
const tools = { toolbox: toolbox(tool("read_file"), tool("write_file")) };
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const pdf = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF").toString("base64");
const image = { type: "image", source: { type: "base64", media_type: "image/png", data: png } } as const;
const document = { type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf } } as const;

/** Asks, gets the calls, and returns the conversation up to them. */
async function callsOf(
  driven: Driven,
  ids: string[],
  change = tools,
): Promise<{ messages: Message[]; first: Answered }> {
  driven.script({ blocks: ids.map((id) => called(id)) }, "Done.");
  const first = await driven.turn([user("Do it.")], change);
  expect(first.stop).toBe("tool_use");
  return { first, messages: [user("Do it."), said(first)] };
}

describe.each(cliVersions)("results (%s)", (cli) => {
  const driven = shared(cli);
  const long = (length: number) => "0123456789".repeat(length / 10);

  const results: Array<[string, Partial<ToolResultBlock>, ProcessPath]> = [
    ["over 50,000 characters", { content: [text(long(60_000))] }, "parked"],
    ["just below 500,000 characters", { content: [text(long(499_000))] }, "parked"],
    ["over 500,000 characters", { content: [text(long(510_000))] }, rebuiltBy(cli)],
    ["that is a short error", { content: [text("no such file")], is_error: true }, "parked"],
    ["that is an error over 10,000 characters", { content: [text(long(12_000))], is_error: true }, rebuiltBy(cli)],
    ["with an image", { content: [text("see"), image] }, "parked"],
    ["with a PDF", { content: [text("see"), document] }, rebuiltBy(cli)],
  ];
  test.each(results)("a result %s reaches the model whole", async (_, given, path) => {
    const { messages } = await callsOf(driven(), ["toolu_1"]);
    const second = await driven().turn([...messages, user(result("toolu_1", "", given))], tools);
    expect(second).toMatchObject({ path, content: [text("Done.")] });
    const bodies = driven().upstream();
    expect(bodies).toHaveLength(2);
    const [seen, ...others] = resultsUpstream(bodies[1]);
    expect(others).toEqual([]);
    expect(seen.tool_use_id).toBe("toolu_1");
    expect(seen.is_error ?? false).toBe(given.is_error ?? false);
    expect(withoutAdditions(seen.content)).toEqual(given.content!.map((block) => ({ ...block })));
  });

  test("an error with an image keeps it, beside the result", async () => {
    const { messages } = await callsOf(driven(), ["toolu_1"]);
    const failed = result("toolu_1", "", { content: [text("see"), image], is_error: true });
    expect((await driven().turn([...messages, user(failed)], tools)).path).toBe(rebuiltBy(cli));
    const last = comparable(driven().upstream()[1].messages).findLast(({ role }) => role === "user");
    const [seen, ...beside] = last.content;
    expect(seen).toMatchObject({ type: "tool_result", tool_use_id: "toolu_1", is_error: true });
    expect(withoutAdditions(seen.content)).toEqual([text("see")]);
    expect(withoutAdditions(beside)).toEqual([{ ...image }]);
  });

  test.each([
    ["nothing", []],
    ["an empty text", [text("")]],
  ])("a result of %s is one that says so", async (_, content) => {
    const { messages } = await callsOf(driven(), ["toolu_1"]);
    const second = await driven().turn([...messages, user(result("toolu_1", "", { content }))], tools);
    expect(second).toMatchObject({ content: [text("Done.")] });
    expect(driven().upstream()).toHaveLength(2);
    const [seen] = resultsUpstream(driven().upstream()[1]);
    expect(seen.tool_use_id).toBe("toolu_1");
    expect(seen.is_error ?? false).toBe(false);
    expect(JSON.stringify(seen.content ?? "")).not.toContain("rror");
  });

  test("what the user says next to the results goes into the process that waits, and is marked as the user's", async () => {
    const { messages } = await callsOf(driven(), ["toolu_1", "toolu_2"]);
    const beside = [result("toolu_1", "one"), result("toolu_2", "two"), text("And be quick."), text("<env>x</env>")];
    const second = await driven().turn([...messages, user(...beside)], tools);
    expect(second).toMatchObject({ path: "parked", reason: null, content: [text("Done.")] });
    const results = resultsUpstream(driven().upstream()[1]);
    expect(results.map(({ content }) => content.map(({ text }: any) => text))).toEqual([
      ["one"],
      [
        "two",
        "<system-reminder>\nThe user says beside these results:\n\nAnd be quick.\n</system-reminder>",
        "<env>x</env>",
      ],
    ]);
    expect(driven().upstream()).toHaveLength(2);
    expect(sessionsOf(driven().upstream()).size).toBe(1);
  });
});

describe("results", () => {
  const driven = shared();

  test("results with an edited history are answered by that history", async () => {
    const { first } = await callsOf(driven(), ["toolu_1"]);
    const [waiting] = driven().held();
    const edited = [user("Do something else."), said(first), user(result("toolu_1", "content"))];
    expect((await driven().turn(edited, tools)).path).toBe("resumed");
    const seen = saidUpstream(driven().upstream()[1]);
    expect([seen[0], seen.at(-1)]).toEqual(["user: Do something else.", "user: content"]);
    await waitUntil("the old process is gone", () => !isAlive(waiting!.pid!));
  });

  test("results of some calls, the others filled in as errors, go into the same process", async () => {
    const { messages } = await callsOf(driven(), ["toolu_1", "toolu_2"]);
    const missing = result("toolu_2", "No result was given.", { is_error: true });
    const second = await driven().turn([...messages, user(result("toolu_1", "content"), missing)], tools);
    expect(second.path).toBe("parked");
    const seen = resultsUpstream(driven().upstream()[1]);
    expect(seen).toHaveLength(2);
    const of = (id: string) => seen.find((each) => each.tool_use_id === id);
    expect(withoutReminders(of("toolu_1").content[0].text)).toBe("content");
    expect(of("toolu_1").is_error ?? false).toBe(false);
    expect(of("toolu_2").is_error).toBe(true);
  });

  test("results that come twice, the second time after the answer, are answered twice", async () => {
    const { messages } = await callsOf(driven(), ["toolu_1"]);
    const next = [...messages, user(result("toolu_1", "content"))];
    expect((await driven().turn(next, tools)).path).toBe("parked");
    expect(await driven().turn(next, tools)).toMatchObject({ path: "resumed", content: [text("Done.")] });
    const [, one, two] = driven().upstream();
    expect(saidUpstream(two)).toEqual(saidUpstream(one));
  });

  test("of two requests that race to deliver, one is answered and the other told of the conflict", async () => {
    const { messages } = await callsOf(driven(), ["toolu_1", "toolu_2"]);
    const next = [...messages, user(result("toolu_1", "one"), result("toolu_2", "two"))];
    const outcomes = await Promise.allSettled([driven().turn(next, tools), driven().turn(next, tools)]);
    expect(outcomes.find(({ status }) => status === "fulfilled")).toMatchObject({ value: { path: "parked" } });
    const refused = outcomes.find(({ status }) => status === "rejected") as PromiseRejectedResult;
    expect(refused.reason).toBeInstanceOf(OcpError);
    expect(refused.reason).toMatchObject({ code: "conflict", status: 409 });
    expect(driven().upstream()).toHaveLength(2);
  });
});

describe.each(cliVersions)("calls that the CLI would answer by itself (%s)", (cli) => {
  const driven = shared(cli);

  test("a call whose arguments are no JSON is the client's to judge: the CLI does not ask again", async () => {
    driven().script({ blocks: [called("toolu_1", "read_file", ['{"path": tru'])], paceMs: slow }, "Done.");
    const events = await Array.fromAsync(driven().stream([user("Do it.")], tools));
    expect(events).toContainEqual({ type: "delta", index: 0, delta: { type: "input_json", json: '{"path": tru' } });
    expect(events.at(-1)).toMatchObject({ type: "end", stop: "tool_use" });
    expect(driven().held()).toEqual([]);
    const echo: Message = { role: "assistant", content: [called("toolu_1", "read_file", {}) as never] };
    const second = await driven().turn(
      [user("Do it."), echo, user(result("toolu_1", "bad", { is_error: true }))],
      tools,
    );
    expect(second).toMatchObject({ path: rebuiltBy(cli), content: [text("Done.")] });
    expect(driven().upstream()).toHaveLength(2);
  });

  test("a tool that the model invents beside a good one is left out, and not asked about again", async () => {
    driven().script({ blocks: [called("toolu_1"), called("toolu_2", "invented")], paceMs: slow }, "Done.");
    const first = await driven().turn([user("Do it.")], tools);
    expect(first.stop).toBe("tool_use");
    expect(calls(first).map(({ id }) => id)).toEqual(["toolu_1"]);
    expect(driven().held()).toEqual([]);
    const second = await driven().turn([user("Do it."), said(first), user(result("toolu_1", "content"))], tools);
    expect(second).toMatchObject({ path: rebuiltBy(cli), content: [text("Done.")] });
    expect(driven().upstream()).toHaveLength(2);
    expect(JSON.stringify(driven().upstream()[1])).not.toContain("invented");
  });

  test("a tool that the model invents alone is an error, after one request", async () => {
    driven().script({ blocks: [called("toolu_2", "Bash", { command: "touch pwned" })], paceMs: slow }, "Done.");
    await expect(driven().turn([user("Do it.")], tools)).rejects.toMatchObject({ code: "upstream_failed" });
    expect(driven().upstream()).toHaveLength(1);
    expect(driven().held()).toEqual([]);
  });
});

describe.each(cliVersions)("tools as the model sees them (%s)", (cli) => {
  const driven = shared(cli);

  test("names that the CLI owns, and long ones, are the client's own", async () => {
    const names = [
      ...["ToolSearch", "Bash", "bash", "Task", "Read", "WebSearch", "StructuredOutput", "mcp__c__x", "mcp__x__y"],
      ...["n".repeat(64), "n".repeat(128)],
    ];
    driven().script(
      { blocks: names.map((name, i) => called(`toolu_${i}`, name === "ToolSearch" ? "ToolSearch_" : name)) },
      "Done.",
    );
    const offered = { toolbox: toolbox(...names.map((name) => tool(name))) };
    const first = await driven().turn([user("Do it.")], offered);
    expect(calls(first).map(({ name }) => name)).toEqual(names);
    const results = names.map((name, i) => result(`toolu_${i}`, `of ${name}`));
    const second = await driven().turn([user("Do it."), said(first), user(...results)], offered);
    expect(second).toMatchObject({ path: "parked", content: [text("Done.")] });
    const seen = driven()
      .upstream()[0]
      .tools.map(({ name }: any) => name);
    expect(seen.sort()).toEqual(names.map((name) => (name === "ToolSearch" ? "ToolSearch_" : name)).sort());
    for (const [i, name] of names.entries()) {
      const own = resultsUpstream(driven().upstream()[1]).find((each) => each.tool_use_id === `toolu_${i}`);
      expect(withoutReminders(own.content[0].text)).toBe(`of ${name}`);
    }
    const rebuilt = await driven().turn([user("Do it."), said(first), user(...results, "Go on.")], offered);
    expect(rebuilt.path).toBe(rebuiltBy(cli));
    expect(JSON.stringify(driven().upstream()[2].messages)).toContain('"ToolSearch_"');
  });

  test("sixty tools with 100 KB of schemas all arrive, unchanged, whatever their schema's dialect", async () => {
    const inputSchema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      "x-made-up": { deep: [1, { two: 2 }] },
      properties: Object.fromEntries(
        Array.from({ length: 12 }, (_, i) => [
          `field_${i}`,
          { type: ["string", "null"], format: "date-time", description: "d".repeat(80), examples: [`e${i}`] },
        ]),
      ),
      $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
      prefixItems: [{ const: 1 }],
      required: ["field_0"],
      additionalProperties: false,
    };
    const many = Array.from({ length: 60 }, (_, i) => ({ ...tool(`tool_${i}`, `Number ${i}.`), inputSchema }));
    expect(JSON.stringify(many).length).toBeGreaterThan(100_000);
    driven().script("Done.");
    await driven().turn([user("Do it.")], { toolbox: toolbox(...many) });
    const seen = driven().upstream()[0].tools;
    expect(seen).toHaveLength(60);
    for (const { name, description } of many) {
      const own = seen.find((each: any) => each.name === name);
      expect(own.description).toBe(description);
      expect(own.input_schema).toEqual(inputSchema);
    }
  });

  test("a description over 4,096 characters arrives whole", async () => {
    const description = Array.from({ length: 700 }, (_, i) => `word${i}`).join(" ");
    driven().script("Done.");
    await driven().turn([user("Do it.")], { toolbox: toolbox(tool("read_file", description)) });
    const [body] = driven().upstream();
    if (cli === "newest") expect(body.tools[0].description).toBe(description);
    else {
      expect(body.tools[0].description.slice(0, 1_000)).toBe(description.slice(0, 1_000));
      expect(body.system.at(-1).text).toContain(`read_file:\n${description}`);
    }
  });

  test("arguments come in the fragments in which the model writes them", async () => {
    const fragments = ['{"pa', 'th": "/a b', '\\u00e4"', "}"];
    driven().script({ blocks: ["I look.", called("toolu_1", "read_file", fragments)], paceMs: 5 });
    const first = await driven().turn([user("Do it.")], tools);
    expect(first.content).toEqual([text("I look."), called("toolu_1", "read_file", { path: "/a bä" }) as never]);
    const deltas = first.events.flatMap((event) =>
      event.type === "delta" && event.delta.type === "input_json" ? [[event.index, event.delta.json]] : [],
    );
    expect(deltas).toEqual(fragments.map((json) => [1, json]));
    const starts = first.events.filter((event) => event.type === "block_start");
    expect(starts.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("tools of the client bring none of the host's with them", async () => {
    driven().script("Done.");
    await driven().turn([user("Do it.")], { toolbox: toolbox(tool("Bash")) });
    expect(
      driven()
        .upstream()[0]
        .tools.map(({ name, input_schema }: any) => [name, input_schema]),
    ).toEqual([["Bash", tool("Bash").inputSchema]]);
  });
});

describe.each(cliVersions)("the choice of tools (%s)", (cli) => {
  const driven = shared(cli);
  const choosing = (choice: ToolChoice, parallel = true) => ({ toolbox: { ...tools.toolbox, choice, parallel } });
  const auto = { type: "auto" } as const;

  const choices: Array<[string, ToolChoice, boolean, object | undefined]> = [
    ["auto", auto, true, undefined],
    ["auto, one call", auto, false, { type: "auto", disable_parallel_tool_use: true }],
    ["none", { type: "none" }, true, { type: "none" }],
    ["any", { type: "any" }, true, { type: "any" }],
    ["any, one call", { type: "any" }, false, { type: "any", disable_parallel_tool_use: true }],
    ["a named tool", { type: "tool", name: "write_file" }, true, { type: "tool", name: "write_file" }],
  ];
  const differing = choices.filter(([name]) => !name.endsWith("one call"));
  test.each(cli === "newest" ? choices : differing)(
    "%s is what the API is told, once",
    async (_, choice, parallel, expected) => {
      const forced = choice.type === "any" || choice.type === "tool";
      const name = choice.type === "tool" ? choice.name : "read_file";
      driven().script(choice.type === "none" ? "No." : called("toolu_1", name), "Done.");
      const first = await driven().turn([user("Do it.")], choosing(choice, parallel));
      const next = user(...(choice.type === "none" ? ["And now?"] : [result("toolu_1", "content")]));
      const second = await driven().turn([user("Do it."), said(first), next], choosing(auto));
      expect(second.content).toEqual([text("Done.")]);
      const [one, two] = driven().upstream();
      expect(one.tool_choice).toEqual(expected);
      expect(one.thinking.type === "disabled").toBe(forced);
      expect(two.tool_choice).toBeUndefined();
      expect(two.thinking.type).not.toBe("disabled");
      expect(two.tools).toHaveLength(2);
      expect(second.path).toBe(forced ? rebuiltBy(cli) : choice.type === "none" ? "live" : "parked");
      expect(driven().upstream()).toHaveLength(2);
    },
  );

  test("a choice that stays goes on in the same process", async () => {
    driven().script(called("toolu_1"), called("toolu_2"));
    const any = choosing({ type: "any" });
    const first = await driven().turn([user("Do it.")], any);
    const second = await driven().turn([user("Do it."), said(first), user(result("toolu_1", "content"))], any);
    expect(second).toMatchObject({ path: "parked", stop: "tool_use" });
    expect(
      driven()
        .upstream()
        .map(({ tool_choice }) => tool_choice),
    ).toEqual([{ type: "any" }, { type: "any" }]);
    expect(growsByAppending(driven().upstream())).toBe(true);
  });

  test("ToolSearch may be the one that is named", async () => {
    driven().script(called("toolu_1", "ToolSearch_"));
    const named = { ...toolbox(tool("ToolSearch")), choice: { type: "tool", name: "ToolSearch" } as const };
    expect(calls(await driven().turn([user("Do it.")], { toolbox: named }))).toMatchObject([{ name: "ToolSearch" }]);
    expect(driven().upstream()[0].tool_choice).toEqual({ type: "tool", name: "ToolSearch_" });
  });

  test("an answer without the call that was demanded is an error", async () => {
    driven().script("I would rather talk.");
    await expect(driven().turn([user("Do it.")], choosing({ type: "any" }))).rejects.toMatchObject({
      code: "upstream_failed",
      reason: "unusable_answer",
    });
    expect(driven().upstream()).toHaveLength(1);
  });
});

describe("an API that refuses tool_choice", () => {
  test("gets the demand in words, the answer is held to it, and the next turn starts that way", async () => {
    await using driven = await drive();
    const any = { toolbox: { ...tools.toolbox, choice: { type: "any" } as const } };
    const refusal = { status: 400, message: "tool_choice: forced tool use is not supported" } as const;
    const answers: Script[] = [{ blocks: [called("toolu_1")] }, { blocks: ["I would rather talk."] }];
    driven.simulator.play(({ body }) => (body?.tool_choice ? refusal : answers.shift()));
    const first = await driven.turn([user("Do it.")], any);
    expect(calls(first)).toHaveLength(1);
    expect(first.events[0]).toMatchObject({ type: "start", ignored: [] });
    await expect(driven.turn([user("Do it, too.")], any)).rejects.toMatchObject({ reason: "unusable_answer" });
    const bodies = driven.upstream();
    expect(bodies[0].tool_choice).toEqual({ type: "any" });
    // The newest CLI sends a request that was refused once more by itself, for nothing.
    const inWords = bodies.filter((body) => sessionOf(body) !== sessionOf(bodies[0]));
    expect(inWords.map(({ tool_choice }) => tool_choice)).toEqual([undefined, undefined]);
    for (const body of inWords) expect(body.system.at(-1).text).toContain("You must answer by calling");
  });
});

describe("a client that never returns with its results", () => {
  test("loses its process after the time that sessions have, and finds it rebuilt", async () => {
    await using driven = await drive("newest", { sessionTtl: 400 });
    const { messages } = await callsOf(driven, ["toolu_1"]);
    const [parked] = driven.held();
    expect(parked!.state).toBe("parked");
    await waitUntil("the process is gone", () => driven.held().length === 0 && !isAlive(parked!.pid!));
    const late = await driven.turn([...messages, user(result("toolu_1", "content"))], tools);
    expect(late).toMatchObject({ path: "resumed", content: [text("Done.")] });
    expect(sessionsOf(driven.upstream()).size).toBe(2);
    expect(comparable(driven.upstream()[1].messages).length).toBeGreaterThan(2);
  });
});

/** Blocks without the reminders that the newest CLI puts behind them. */
function withoutAdditions(blocks: any[]): object[] {
  return blocks
    .map(({ type, text, source }) => (type === "text" ? { type, text: withoutReminders(text) } : { type, source }))
    .filter((block) => !("text" in block) || block.text !== "");
}
