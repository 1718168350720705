/**
 * What rebuilding and changing a conversation stands on, one fact a test: the next request of a process that was given
 * a past must be, byte for byte, the request that the process of that past would have sent.
 */

import { describe, expect, test } from "bun:test";
import type { AnswerScript } from "../../src/demo/script.ts";
import { anyCliVersions } from "../harness/claude.ts";
import {
  assistant,
  assistantMessage,
  attachment,
  createPlace,
  type Frame,
  initialize,
  type Place,
  type RawCli,
  type RawCliOptions,
  raw,
  reminders,
  resume,
  startRawCli,
  text,
  unreachable,
  unseen,
  user,
} from "./resume-cli.ts";

const opus = "claude-opus-4-8";
const sonnet = "claude-sonnet-5-5";
/** It gets reminders in its messages, the other two as messages of the system. */
const older = "claude-sonnet-4-6";

const picture = {
  type: "image",
  source: {
    type: "base64",
    media_type: "image/png",
    data: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  },
};

const call = (id: string, name = "bash") => ({ type: "tool_use" as const, id, name, input: { path: "b", a: 1 } });
const thought = { type: "thinking" as const, thinking: "Hm.", signature: "c2lnbmVk" };
/** A good result and a bad one, in the CLI's own words. */
const ok = (id: string, content: Frame[]) => ({ tool_use_id: id, type: "tool_result", content });
const bad = (id: string, content: string) => ({ type: "tool_result", content, is_error: true, tool_use_id: id });

function play(cli: RawCli, answers: ReadonlyArray<AnswerScript["blocks"]>): void {
  let count = 0;
  cli.simulator.play(() => ({ blocks: answers[count++] ?? ["And so on."] }));
}

/** A process of its own that is asked one thing after the other. */
async function started(place: Place, options: RawCliOptions & { hooks?: boolean } = {}): Promise<RawCli> {
  const cli = await startRawCli(place, options);
  await initialize(cli, { tools: options.tools !== undefined, hooks: options.hooks ?? false });
  return cli;
}

async function asked(cli: RawCli, ...questions: string[]): Promise<void> {
  for (const question of questions) {
    cli.say(question);
    await cli.result();
  }
}

const effort = (level: string | null) => ({ subtype: "apply_flag_settings", settings: { effortLevel: level } });
const variables = (env: Frame) => ({ subtype: "apply_flag_settings", settings: { env } });
const systemTexts = (body: Frame): unknown[] =>
  body.messages.filter(({ role }: Frame) => role === "system").map(({ content }: Frame) => content);

describe.each(anyCliVersions)("rebuilding a conversation in the official CLI (%s)", (version) => {
  const models = version === "oldest" ? [older] : [older, opus, sonnet];

  const steps: ReadonlyArray<AnswerScript["blocks"]> = [
    [thought, { type: "text", text: "First." }],
    [thought, { type: "redacted_thinking", data: "cmVk" }, "Look.", call("toolu_1"), call("toolu_2")],
    [thought, call("toolu_3")],
    ["Done."],
  ];
  const blocksOf = (step: number): Frame[] =>
    (steps[step] ?? []).map((block) => (typeof block === "string" ? { type: "text", text: block } : block));

  test.each(models)(
    "a session file of ours continues like the process whose conversation it holds, and may be removed once `initialize` is answered (%s)",
    async (model) => {
      await using place = await createPlace(version, model);
      const tools = [{ name: "bash" }];
      const own = await reminders(place);
      await using live = await started(place, { tools });
      play(live, steps);
      await asked(live, "one");
      live.say([...text("two"), picture, ...text("and more")]);
      await live.called(2);
      // One after the other: the CLI sends results up in the order in which it has them.
      live.answer("toolu_1", [...text("red"), { type: "image", data: picture.source.data, mimeType: "image/png" }]);
      await until(live, "toolu_1");
      live.answer("toolu_2", text("no such file"), true);
      await live.called(3);
      live.answer("toolu_3", text("blue"));
      await live.result();
      await asked(live, "three", "four");

      const past = [
        user(text("one")),
        ...own,
        assistant(blocksOf(0), model),
        user([...text("two"), picture, ...text("and more")]),
        assistant(blocksOf(1), model),
        user([ok("toolu_1", [...text("red"), picture]), bad("toolu_2", "no such file")]),
      ];
      const closed = [
        assistant(blocksOf(2), model),
        user([ok("toolu_3", text("blue"))]),
        assistant(text("Done."), model),
      ];
      await using resumed = await resume(place, [...past, ...closed], { tools });
      play(resumed, [["And so on."]]);
      await asked(resumed, "three", "four");
      expect(resumed.bodies().map(raw)).toEqual(live.bodies().slice(4).map(raw));

      // The client's results are the last message: the call that they answer comes by stdin, since a file cannot end there.
      await using open = await resume(place, [...past, unseen(model)], { tools });
      play(open, [["Done."], ["And so on."]]);
      open.past(assistantMessage(blocksOf(2), model));
      open.say([ok("toolu_3", text("blue"))]);
      await open.result();
      await asked(open, "three");
      expect(open.bodies().map(raw)).toEqual(live.bodies().slice(3, 5).map(raw));
    },
    60_000,
  );

  test("a process that booted before takes the past by stdin, if its first message is asked where no API can be reached", async () => {
    for (const model of models) {
      await using place = await createPlace(version, model);
      await using live = await started(place);
      play(live, [["First."], ["Second."]]);
      await asked(live, "one", "two", "three");
      await using spare = await started(place);
      await spare.request(variables(unreachable));
      spare.say("one");
      expect((await spare.result()).is_error).toBe(true);
      await spare.request(variables({ ANTHROPIC_BASE_URL: spare.simulator.url, CLAUDE_CODE_MAX_RETRIES: "2" }));
      spare.past(assistantMessage(text("First."), model));
      spare.say("two", { client_composed: undefined, shouldQuery: false });
      await spare.result();
      spare.past(assistantMessage(text("Second."), model));
      await asked(spare, "three");
      expect(spare.bodies().map(raw)).toEqual(live.bodies().slice(2).map(raw));
    }
  }, 60_000);

  test("what hooks say becomes a message of the system behind the user's and behind results, and a session file says the same", async () => {
    await using place = await createPlace(version, opus);
    const options = { tools: [{ name: "bash" }], hooks: true };
    const own = await reminders(place);
    const said: string[] = [];
    await using live = await started(place, { ...options, hook: () => said.shift() ?? null });
    play(live, [["First."], [call("toolu_1")], ["Done."]]);
    await asked(live, "one");
    said.push("Be brief.", "Be kind.");
    live.say("two");
    await live.called(1);
    live.answer("toolu_1", text("red"));
    await live.result();
    await asked(live, "three");
    expect(systemTexts(live.bodies()[3]).slice(version === "oldest" ? 0 : 1)).toEqual([
      "UserPromptSubmit hook additional context: Be brief.",
      "PostToolBatch hook additional context: Be kind.",
    ]);
    const hook = (hookName: string, words: string) =>
      attachment({
        type: "hook_additional_context",
        content: [words],
        hookName,
        toolUseID: "hook-1",
        hookEvent: hookName,
      });
    const past = [
      user(text("one")),
      ...own,
      assistant(text("First."), opus),
      user(text("two")),
      hook("UserPromptSubmit", "Be brief."),
      assistant([call("toolu_1")], opus),
      user([ok("toolu_1", text("red"))]),
      hook("PostToolBatch", "Be kind."),
      assistant(text("Done."), opus),
    ];
    await using resumed = await resume(place, past, options);
    await asked(resumed, "three");
    expect(resumed.bodies().map(raw)).toEqual(live.bodies().slice(3).map(raw));
  }, 60_000);

  test("a second text in an MCP result reaches the model as it is, beside the first", async () => {
    await using place = await createPlace(version, opus);
    await using cli = await started(place, { tools: [{ name: "bash" }] });
    play(cli, [[call("toolu_1")]]);
    cli.say("one");
    await cli.called(1);
    cli.answer("toolu_1", [...text("red"), ...text("My own words.")]);
    await cli.result();
    const last = cli.bodies()[1].messages.at(-1);
    expect(last.content).toMatchObject([ok("toolu_1", [...text("red"), ...text("My own words.")])]);
  });

  test("a server that is added while a call is parked offers its tools with the result, once it was asked for them", async () => {
    await using place = await createPlace(version, opus);
    await using cli = await started(place, { tools: [{ name: "bash" }] });
    play(cli, [[call("toolu_1")], [call("toolu_2", "ask")], ["Done."]]);
    cli.say("one");
    await cli.called(1);
    cli.offer("d", [{ name: "ask" }]);
    const both = { c: { type: "sdk", name: "c" }, d: { type: "sdk", name: "d" } };
    expect(await cli.request({ subtype: "mcp_set_servers", servers: both })).toMatchObject({
      added: ["d"],
      removed: [],
    });
    await cli.listed("d");
    cli.answer("toolu_1", text("red"));
    await cli.called(2);
    const next = cli.bodies()[1];
    expect(next.tools.map(({ name }: Frame) => name)).toEqual(["ask", "bash"]);
    expect(next.messages.at(-1).content).toMatchObject([ok("toolu_1", text("red"))]);
    // One that is taken away takes its calls with it.
    await cli.request({ subtype: "mcp_set_servers", servers: { c: both.c } });
    await cli.result();
    expect(JSON.stringify(cli.bodies()[2].messages.at(-1))).toContain("Connection closed");
  });

  test("`rewind_conversation` takes the last message and its answer back, also one with tool steps; the rest is as it was", async () => {
    await using place = await createPlace(version, opus);
    const options = { tools: [{ name: "bash" }] };
    const ids = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()] as const;
    await using cli = await started(place, options);
    play(cli, [["First."], [call("toolu_1")], ["Second."], ["Third."]]);
    cli.say("one", { uuid: ids[0] });
    await cli.result();
    cli.say("two", { uuid: ids[1] });
    await cli.called(1);
    const rewind = (target: string, seen: string) =>
      cli.request({
        subtype: "rewind_conversation",
        target_message_uuid: target,
        last_seen_user_message_uuid: seen,
      });
    expect(await rewind(ids[1], ids[1])).toMatchObject({ rewound: false, error: "turn running" });
    cli.answer("toolu_1", text("red"));
    await cli.result();
    expect(await rewind(crypto.randomUUID(), ids[1])).toMatchObject({ rewound: false, error: "target not found" });
    expect(await rewind(ids[1], ids[1])).toMatchObject({ rewound: true });
    cli.say("instead", { uuid: ids[2] });
    await cli.result();
    await using fresh = await started(place, options);
    play(fresh, [["First."]]);
    await asked(fresh, "one", "instead");
    expect(raw(cli.bodies().at(-1))).toBe(raw(fresh.bodies()[1]));

    const first = await rewind(ids[0], ids[2]);
    if (version === "oldest") return void expect(first).toMatchObject({ rewound: false, error: "stale target" });
    expect(first).toMatchObject({ rewound: true, precedingAssistantUuid: null });
    await asked(cli, "anew");
    await using other = await started(place, options);
    await asked(other, "anew");
    expect(raw(cli.bodies().at(-1))).toBe(raw(other.bodies()[0]));
  }, 60_000);

  test("an interrupt while a call is parked lets the turn be taken back", async () => {
    await using place = await createPlace(version, opus);
    const options = { tools: [{ name: "bash" }] };
    const id = crypto.randomUUID();
    await using cli = await started(place, options);
    play(cli, [["First."], [call("toolu_1")]]);
    await asked(cli, "one");
    cli.say("two", { uuid: id });
    await cli.called(1);
    await cli.request({ subtype: "interrupt" });
    expect((await cli.result()).terminal_reason).toBe("aborted_tools");
    const target = { target_message_uuid: id, last_seen_user_message_uuid: id };
    expect(await cli.request({ subtype: "rewind_conversation", ...target })).toMatchObject({ rewound: true });
    await asked(cli, "instead");
    await using fresh = await started(place, options);
    play(fresh, [["First."]]);
    await asked(fresh, "one", "instead");
    expect(raw(cli.bodies().at(-1))).toBe(raw(fresh.bodies()[1]));
  }, 60_000);

  test("the effort and the thinking that were changed go back to their defaults with null", async () => {
    await using place = await createPlace(version, opus);
    await using cli = await started(place);
    await asked(cli, "one");
    await cli.request(effort("low"));
    await cli.request({ subtype: "set_max_thinking_tokens", max_thinking_tokens: 0 });
    await asked(cli, "two");
    await cli.request(effort(null));
    await cli.request({ subtype: "set_max_thinking_tokens", max_thinking_tokens: null });
    await asked(cli, "three");
    const [first, changed, last] = cli.bodies();
    expect(changed).toMatchObject({ output_config: { effort: "low" }, thinking: { type: "disabled" } });
    expect(last.output_config).toEqual(first.output_config);
    expect(last.thinking).toEqual(first.thinking);
  });

  test("while a call is parked, the effort changes at once by `apply_flag_settings`, and the thinking only by the extra body", async () => {
    await using place = await createPlace(version, opus);
    await using cli = await started(place, { tools: [{ name: "bash" }] });
    play(cli, [[call("toolu_1")], [call("toolu_2")]]);
    cli.say("one");
    await cli.called(1);
    await cli.request(effort("low"));
    await cli.request({ subtype: "set_max_thinking_tokens", max_thinking_tokens: 0 });
    cli.answer("toolu_1", text("red"));
    await cli.called(2);
    const body = JSON.stringify({ thinking: { type: "disabled" } });
    await cli.request(variables({ CLAUDE_CODE_EXTRA_BODY: body }));
    cli.answer("toolu_2", text("blue"));
    await cli.result();
    expect(cli.bodies()[1]).toMatchObject({ output_config: { effort: "low" }, thinking: { type: "adaptive" } });
    expect(cli.bodies()[2].thinking).toEqual({ type: "disabled" });
  });
});

const withReminders = anyCliVersions.filter((version) => version !== "oldest");

describe.each(withReminders)("the reminders of the official CLI (%s)", (version) => {
  test("are in the session file of a process that can reach no API, in the order environment, model, date", async () => {
    await using place = await createPlace(version, opus);
    const kinds = (await reminders(place)).map(({ attachment: what }) => what.type);
    expect(kinds).toEqual(["environment", "model", "date"]);
  });

  test("what a session file attaches behind a message is said by the system there, as it is; an older model gets it in the message", async () => {
    const seen = async (model: string) => {
      await using place = await createPlace(version, model);
      const own = await reminders(place);
      const words = attachment(
        { type: "ocp_system" },
        { rendered: [{ content: "Be brief." }], renderedRole: "system" },
      );
      const past = [user(text("one")), ...own, assistant(text("First."), model), user(text("two")), words];
      await using cli = await resume(place, [...past, assistant(text("Second."), model)]);
      await asked(cli, "three");
      return cli.bodies()[0].messages;
    };
    const [two, said] = (await seen(opus)).slice(3);
    expect([two, said]).toEqual([
      { role: "user", content: text("two") },
      { role: "system", content: "Be brief." },
    ]);
    expect((await seen(older))[2]).toEqual({ role: "user", content: [...text("Be brief.\n"), ...text("two")] });
  }, 60_000);

  test("a date that has changed is told behind the first message of that day, by the CLI itself or by the file", async () => {
    await using place = await createPlace(version, opus);
    const own = await reminders(place);
    const today: string = own.at(-1)?.attachment.date;
    const past = own.map((line) =>
      line.attachment.type === "date" ? attachment({ type: "date", date: "2020-02-02" }) : line,
    );
    const one = [user(text("one")), ...past, assistant(text("First."), opus)];
    await using crossing = await resume(place, one);
    play(crossing, [["Second."]]);
    await asked(crossing, "two", "three");
    expect(systemTexts(crossing.bodies()[1])[1]).toContain(`The date has changed. Today's date is now ${today}.`);
    const told = attachment({ type: "date", date: today, changed: true });
    await using later = await resume(place, [...one, user(text("two")), told, assistant(text("Second."), opus)]);
    await asked(later, "three");
    expect(raw(later.bodies()[0])).toBe(raw(crossing.bodies()[1]));
  }, 60_000);

  test("a model with an effort per turn is told each change in its place, also by a session file that names the turn's effort", async () => {
    await using place = await createPlace(version, sonnet);
    const own = await reminders(place);
    await using live = await started(place);
    play(live, [["First."], ["Second."]]);
    const usual: string = (await live.request({ subtype: "get_settings" })).applied.effort;
    await asked(live, "one");
    await live.request(effort("low"));
    await asked(live, "two");
    await live.request(effort(null));
    await asked(live, "three");
    const body = live.bodies()[2];
    const told = body.messages.filter(({ role }: Frame) => role === "system");
    expect(told.map(({ output_config }: Frame) => output_config.effort)).toEqual([usual, "low", usual]);
    expect(told.slice(1).map(({ content }: Frame) => content)).toEqual([[], []]);
    const turn = (words: string, level: string) =>
      assistant(text(words), sonnet, { effort: level, perTurnEffort: level });
    const past = [user(text("one")), ...own, turn("First.", usual), user(text("two")), turn("Second.", "low")];
    await using resumed = await resume(place, past);
    await asked(resumed, "three");
    expect(raw(resumed.bodies()[0])).toBe(raw(body));
  }, 60_000);
});

/** Resolves once the CLI has shown that it has the result of this call. */
async function until(cli: RawCli, id: string): Promise<void> {
  const has = () => cli.frames.some((frame) => frame.type === "user" && JSON.stringify(frame).includes(id));
  while (!has()) await Bun.sleep(5);
}
