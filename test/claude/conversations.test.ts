/** Conversations that keep their process: which request finds its way back into one, and which must not. */

import { afterEach, describe, expect, test } from "bun:test";
import type { AssistantBlock, Conversation, Message } from "../../src/core/conversation.ts";
import type { Script, ScriptBlock } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import { isAlive, waitUntil } from "../harness/processes.ts";
import {
  called,
  growsByAppending,
  rebuiltBy,
  result,
  said,
  saidUpstream,
  sessionOf,
  sessionsOf,
  shared,
  text,
  tool,
  toolbox,
  user,
} from "./engine.ts";

/** After such an end the CLI asks again by itself; a model is never so fast that this could overtake us, nor is this. */
const slow = 40;
const tools = { toolbox: toolbox(tool("read_file"), tool("write_file")) };

describe.each(cliVersions)("a conversation and its process (%s)", (cli) => {
  const driven = shared(cli);
  const { turn, upstream, script, sessions } = bound(driven);
  const rebuilt = rebuiltBy(cli);

  test("the next turns go into the same process, each request a prefix of the next", async () => {
    script("One.", "Two.", "Three.");
    const messages = [user("first")];
    for (const [expected, next] of [
      ["One.", "second"],
      ["Two.", "third"],
    ] as const) {
      const answer = await turn(messages);
      expect(answer.content).toEqual([text(expected)]);
      expect(answer.path).toBe(messages.length === 1 ? "new" : "live");
      messages.push(said(answer), user(next));
    }
    expect(await turn(messages)).toMatchObject({ path: "live", content: [text("Three.")] });
    expect(sessionsOf(upstream()).size).toBe(1);
    expect(growsByAppending(upstream())).toBe(true);
    expect(saidUpstream(upstream()[2])).toEqual([
      "user: first",
      "assistant: One.",
      "user: second",
      "assistant: Two.",
      "user: third",
    ]);
    expect(sessions()).toMatchObject([{ messages: 6, turns: 3, principalId: "ann" }]);
  });

  test("parameters of one turn are not those of the next", async () => {
    script("One.");
    const first = await turn([user("hi")], {
      sampling: { maxTokens: 4000, temperature: 0.5, topP: 0.9, topK: 5, stop: ["END"] },
    });
    const messages = [user("hi"), said(first), user("again")];
    const second = await turn(messages);
    await turn([...messages, said(second), user("more")], { sampling: { maxTokens: 5000, stop: ["FIN"] } });
    const [one, two, three] = upstream();
    expect(one).toMatchObject({ max_tokens: 4000, temperature: 0.5, top_p: 0.9, top_k: 5, stop_sequences: ["END"] });
    for (const field of ["top_p", "top_k", "stop_sequences"]) expect(two[field]).toBeUndefined();
    expect(two.max_tokens).toBe(32_000);
    expect(two.temperature).not.toBe(0.5);
    expect(three).toMatchObject({ max_tokens: 5000, stop_sequences: ["FIN"] });
    expect(sessionsOf(upstream()).size).toBe(1);
  });

  test("several new messages are entered before the last one is asked", async () => {
    script("One.", "Two.");
    const first = await turn([user("hi")]);
    const more: Message[] = [
      user("what the client asked elsewhere"),
      { role: "assistant", content: [text("what it got there")] },
      user("and here again"),
    ];
    expect((await turn([user("hi"), said(first), ...more])).path).toBe("live");
    expect(saidUpstream(upstream()[1])).toEqual([
      "user: hi",
      "assistant: One.",
      "user: what the client asked elsewhere",
      "assistant: what it got there",
      "user: and here again",
    ]);
    expect(sessionsOf(upstream()).size).toBe(1);
    expect(upstream()).toHaveLength(2);
  });

  test("tools that come and go are the new ones alone, in the same process where the CLI can do that", async () => {
    script("One.", "Two.", "Three.");
    const first = await turn([user("hi")], { toolbox: toolbox(tool("read_file"), tool("old_one")) });
    const messages = [user("hi"), said(first), user("again")];
    const second = await turn(messages, { toolbox: toolbox(tool("read_file"), tool("new_one")) });
    expect(second.path).toBe(cli === "newest" ? "live" : rebuilt);
    const third = await turn([...messages, said(second), user("more")]);
    expect(third.path).toBe(cli === "newest" ? "live" : rebuilt);
    expect(upstream().map((body) => (body.tools ?? []).map(({ name }: any) => name))).toEqual([
      ["old_one", "read_file"],
      ["new_one", "read_file"],
      [],
    ]);
    expect(saidUpstream(upstream()[2])).toHaveLength(5);
    expect(upstream()).toHaveLength(3);
  });

  test("a tool that is described anew under its old name is the new one, in another process", async () => {
    script("One.", "Two.");
    const first = await turn([user("hi")], { toolbox: toolbox(tool("read_file")) });
    const messages = [user("hi"), said(first), user("again")];
    const second = await turn(messages, { toolbox: toolbox(tool("read_file", "Reads better.")) });
    expect(second.path).toBe(rebuilt);
    expect(upstream()[1].tools).toMatchObject([{ name: "read_file", description: "Reads better." }]);
  });

  const ends: Array<[string, Script, Partial<Conversation>]> = [
    ["that was cut at max_tokens", { blocks: ["Too lo"], stop: "max_tokens", paceMs: slow }, {}],
    ["that was a refusal", { blocks: ["I will not."], stop: "refusal", paceMs: slow }, {}],
    ["without a text", { blocks: [{ type: "text", text: [] }], paceMs: slow }, {}],
    ["of thinking alone", { blocks: [{ type: "thinking", thinking: "Hm." }], paceMs: slow }, {}],
    [
      "that a stop text of ours ended",
      { blocks: [{ type: "text", text: ["One. ", "\n\n", "Two. ", "Three."] }], paceMs: slow },
      { sampling: { stop: ["\n\n"] } },
    ],
  ];
  test.each(cli === "newest" ? ends : ends.slice(0, 3))(
    "an answer %s costs one request, and leaves no process",
    async (_, answer, change) => {
      script(answer, "Two.");
      const first = await turn([user("hi")], change);
      expect(sessions()).toEqual([]);
      const history = first.content.filter((block) => block.type === "text" && block.text !== "");
      const messages = [user("hi"), ...assistant(history), user("again")];
      const second = await turn(messages.length === 3 ? messages : [user("hi again")], change);
      expect(second).toMatchObject({ path: messages.length === 3 ? rebuilt : "new", content: [text("Two.")] });
      expect(upstream()).toHaveLength(2);
      expect(sessionsOf(upstream()).size).toBe(2);
    },
  );

  test("a client that leaves takes its process with it, and finds its conversation again in another one", async () => {
    script({ blocks: [{ type: "text", text: ["One. ", "Two. ", "Three."] }], paceMs: 500 }, "Again.");
    const leaving = new AbortController();
    const stream = driven().stream([user("hi")], {}, "ann", leaving.signal);
    for await (const event of stream) if (event.type === "delta") break;
    leaving.abort(new Error("left"));
    expect(sessions()).toEqual([]);
    expect(await driven().simulator.requests.at(-1)!.ended).toBe("aborted");
    const messages = [user("hi"), ...assistant([text("One. ")]), user("go on")];
    expect((await turn(messages)).path).toBe(rebuilt);
    expect(saidUpstream(upstream()[1])).toEqual(["user: hi", "assistant: One. ", "user: go on"]);
  });

  test("a next turn that comes before the CLI is ready waits for it", async () => {
    script("One.", "Two.");
    const first = await turn([user("hi")]);
    expect(sessions()).toMatchObject([{ state: "settling" }]);
    const second = await turn([user("hi"), said(first), user("again")]);
    expect(second.path).toBe("live");
    await waitUntil("the process is ready", () => sessions()[0]?.state === "idle");
    const third = await turn([user("hi"), said(first), user("again"), said(second), user("more")]);
    expect(third.path).toBe("live");
    expect(sessionsOf(upstream()).size).toBe(1);
  });
});

describe("an echo that differs from what was sent", () => {
  const { turn, upstream, script } = bound(shared());

  const echoes: Array<[string, ScriptBlock[], AssistantBlock[]]> = [
    ["without its white space around", ["  Hello there. \n"], [text("Hello there.")]],
    ["as one text for several", ["Hello ", "there."], [text("Hello there.")]],
    ["as several texts for one", ["Hello there."], [text("Hello "), text("there.")]],
    ["without the reasoning", [{ type: "thinking", thinking: "Hm." }, "Hello."], [text("Hello.")]],
  ];
  test.each(echoes)("%s continues in the same process", async (_, blocks, echo) => {
    script({ blocks }, "Two.");
    await turn([user("hi")]);
    const second = await turn([user("hi"), { role: "assistant", content: echo }, user("again")]);
    expect(second.path).toBe("live");
    expect(growsByAppending(upstream())).toBe(true);
  });

  test("with calls whose ids and arguments are written anew continues in the same process", async () => {
    const input = { path: "/a", deep: { b: [1, 2], a: "ä" } };
    script({ blocks: ["I look.", called("toolu_01-a_B", "read_file", input)] }, "Done.", "More.");
    await turn([user("hi")], tools);
    const echo: Message = {
      role: "assistant",
      content: [
        { type: "tool_use", id: "toolu01aB", name: "read_file", input: { deep: { a: "ä", b: [1, 2] }, path: "/a" } },
        text("I look."),
      ],
    };
    const messages = [user("hi"), echo, user(result("toolu01aB", "content"))];
    const second = await turn(messages, tools);
    expect(second).toMatchObject({ path: "parked", content: [text("Done.")] });
    expect((await turn([...messages, said(second), user("on")], tools)).path).toBe("live");
    expect(growsByAppending(upstream())).toBe(true);
  });
});

describe("another conversation", () => {
  const driven = shared();
  const { turn, upstream, script, sessions } = bound(driven);

  const first: Message = { role: "assistant", content: [text("One.")] };
  const others: Array<[string, Message[], Partial<Conversation>, string[]]> = [
    ["the same messages again", [user("hi")], {}, ["user: hi"]],
    ["an edited question", [user("ho"), first, user("again")], {}, ["user: ho", "assistant: One.", "user: again"]],
    [
      "an edited answer",
      [user("hi"), { role: "assistant", content: [text("Won.")] }, user("again")],
      {},
      ["user: hi", "assistant: Won.", "user: again"],
    ],
    ...(
      [
        ["another model", { model: "claude-opus-4-8" }],
        ["another system prompt", { system: "Be long." }],
      ] as Array<[string, Partial<Conversation>]>
    ).map(([name, change]): [string, Message[], Partial<Conversation>, string[]] => [
      name,
      [user("hi"), first, user("again")],
      change,
      ["user: hi", "assistant: One.", "user: again"],
    ]),
  ];
  test.each(others)(
    "%s gets another process, and the model reads what was asked",
    async (_, messages, change, seen) => {
      script("One.", "Two.");
      await turn([user("hi")]);
      expect(await turn(messages, change)).toMatchObject({
        path: messages.length === 1 ? "new" : "resumed",
        content: [text("Two.")],
      });
      const [, body] = upstream();
      expect(saidUpstream(body)).toEqual(seen);
      expect(body.model).toBe(change.model ?? "claude-sonnet-4-6");
      expect(body.system.at(-1).text).toBe(change.system ?? "Be brief.");
      expect(sessionsOf(upstream()).size).toBe(2);
      expect(upstream()).toHaveLength(2);
    },
  );

  test("two principals with the same conversation never share a process", async () => {
    script("One.");
    const answer = await turn([user("hi")], {}, "ann");
    await turn([user("hi")], {}, "bob");
    const next = [user("hi"), said(answer), user("again")];
    const pidOf = (who: string) =>
      driven()
        .engine.sessions(who)
        .map(({ pid }) => pid);
    const before = { ann: pidOf("ann"), bob: pidOf("bob") };
    expect((await turn(next, {}, "bob")).path).toBe("live");
    expect((await turn(next, {}, "ann")).path).toBe("live");
    expect({ ann: pidOf("ann"), bob: pidOf("bob") }).toEqual(before);
    expect(before.ann).not.toEqual(before.bob);
    const [ann, bob, bobAgain, annAgain] = upstream().map(sessionOf);
    expect([annAgain, bobAgain]).toEqual([ann, bob]);
    expect(ann).not.toBe(bob!);
    expect((await turn(next, {}, "eve")).path).toBe("resumed");
  });

  test("of two identical next turns at once one is answered by the process and one by another, both right", async () => {
    script("One.", "Two.");
    const first = await turn([user("hi")]);
    const next = [user("hi"), said(first), user("again")];
    const both = await Promise.all([turn(next), turn(next)]);
    expect(both.map(({ path }) => path).sort()).toEqual(["live", "resumed"]);
    for (const { content } of both) expect(content).toEqual([text("Two.")]);
    for (const body of upstream().slice(1)) {
      expect(saidUpstream(body)).toEqual(["user: hi", "assistant: One.", "user: again"]);
    }
    expect(sessionsOf(upstream()).size).toBe(2);
  });

  test("of two that hold the same, the one with the request's hint is taken", async () => {
    script("One.");
    const [a, b] = [await turn([user("hi")], { hints: ["a"] }), await turn([user("hi")], { hints: ["b"] })];
    const [ofA, ofB] = upstream().map(sessionOf);
    await turn([user("hi"), said(a), user("from a")], { hints: ["a"] });
    await turn([user("hi"), said(b), user("from b")], { hints: ["a"] });
    expect(upstream().slice(2).map(sessionOf)).toEqual([ofA!, ofB!]);
  });

  test("a hint proves nothing: other messages get another process", async () => {
    script("One.");
    await turn([user("hi")], { hints: ["a"] });
    expect((await turn([user("ho"), ...assistant([text("One.")]), user("again")], { hints: ["a"] })).path).toBe(
      "resumed",
    );
  });

  test("a process that dies while it waits is forgotten, and its conversation rebuilt", async () => {
    script("One.", "Two.");
    const first = await turn([user("hi")]);
    for (const { pid } of sessions()) process.kill(pid!, "SIGKILL");
    await waitUntil("the process is forgotten", () => sessions().length === 0);
    expect((await turn([user("hi"), said(first), user("again")])).path).toBe("resumed");
    expect(saidUpstream(upstream()[1])).toEqual(["user: hi", "assistant: One.", "user: again"]);
  });

  test("a process whose death nobody has noticed yet is replaced before the client notices", async () => {
    script("One.", "Two.");
    const first = await turn([user("hi")]);
    await waitUntil("the process is ready", () => sessions()[0]?.state === "idle");
    process.kill(sessions()[0]!.pid!, "SIGKILL");
    const second = await turn([user("hi"), said(first), user("again")]);
    expect(second).toMatchObject({ path: "resumed", content: [text("Two.")] });
    expect(upstream()).toHaveLength(2);
  });

  test("the sessions are listed and ended by principal", async () => {
    script("One.");
    await turn([user("hi")], {}, "ann");
    await turn([user("hi")], {}, "bob");
    const [ann] = driven().engine.sessions("ann");
    const [bob] = driven().engine.sessions("bob");
    expect(driven().engine.clearSessions("ann")).toEqual({ ended: 1, forgotten: 0 });
    expect(sessions()).toMatchObject([{ principalId: "bob", pid: bob!.pid }]);
    await waitUntil("the process is gone", () => !isAlive(ann!.pid!));
    expect(isAlive(bob!.pid!)).toBe(true);
    expect(driven().engine.clearSessions()).toEqual({ ended: 1, forgotten: 0 });
    expect(sessions()).toEqual([]);
  });
});

function assistant(content: AssistantBlock[]): Message[] {
  return content.length > 0 ? [{ role: "assistant", content }] : [];
}

function bound(driven: ReturnType<typeof shared>) {
  // A test that fails must not leave a half-read answer to the next one.
  afterEach(() => driven().simulator.play(undefined));
  type Driven = ReturnType<typeof driven>;
  return {
    turn: (...asked: Parameters<Driven["turn"]>) => driven().turn(...asked),
    upstream: () => driven().upstream(),
    script: (...answers: Parameters<Driven["script"]>) => driven().script(...answers),
    sessions: () => driven().held(),
  };
}
