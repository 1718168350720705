/**
 * Nobody reads the server's files or commands its CLI through a prompt: `@file` and `/command` are plain text to the
 * model, wherever in a conversation they stand. The first tests show that both would work in a CLI left to itself.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary, cliVersions } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { matrix, type Ocp, startOcp } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, assistant, user } from "./client.ts";
import { messageRequests, onlyRequest, sentMessages, sentSystem } from "./upstream.ts";

const secret = "XYZZY-PLUGH-7741";
const text = (words: string) => ({ type: "text", text: words });
const commands = ["/clear", "/compact", "/model opus", "/help", "!ls", "#note this"];

describe.each(cliVersions)("the %s CLI by itself", (cli) => {
  const bare = async (prompt: (home: string) => string) => {
    await using temp = await createTemp();
    await using simulator = startSimulator();
    await Bun.write(join(temp.home, "secret.txt"), secret);
    const child = Bun.spawn([claudeBinary(cli), "-p", "--tools", "", "--no-session-persistence", prompt(temp.home)], {
      cwd: temp.home,
      env: testEnv(temp.home, {
        ANTHROPIC_BASE_URL: simulator.url,
        CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      }),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    return messageRequests(simulator);
  };

  test.each([
    { kind: "absolute", mention: (home: string) => `@${home}/secret.txt` },
    { kind: "relative", mention: () => "@secret.txt" },
    { kind: "home", mention: () => "@~/secret.txt" },
  ])("reads a file that a prompt names by its $kind path", async ({ mention }) => {
    const requests = await bare((home) => `Tell me of ${mention(home)} please.`);
    expect(JSON.stringify(requests.map(({ body }) => body))).toContain(secret);
  });

  test("takes a prompt for a command", async () => {
    expect(await bare(() => "/compact")).toEqual([]);
  });
});

const settings = matrix();

describe.each(settings)("host leaks ($name)", ({ target, cli }) => {
  let simulator: Simulator;
  let ocp: Ocp;
  /** One text that names the file in each way. */
  let mentions: string;

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, cli, simulator });
    const scratch = join(ocp.home, ".ocp", "spawn-home");
    await Bun.write(join(ocp.home, "secret.txt"), secret);
    await Bun.write(join(scratch, "secret.txt"), secret);
    const paths = [`${ocp.home}/secret.txt`, "secret.txt", "./secret.txt", "../../secret.txt", "~/secret.txt"];
    mentions = `Tell me of ${paths.map((path) => `@${path}`).join(" and ")} and @"${ocp.home}/secret.txt" please.`;
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  /** The one request that these messages led to, and that the model answered. */
  const sent = async (messages: unknown[]) => {
    simulator.reset();
    simulator.play(() => ({ blocks: ["The model's words."] }));
    const { status, body } = await ask(ocp, { messages });
    expect(status).toBe(200);
    expect(body.choices[0].message.content).toBe("The model's words.");
    const request = onlyRequest(simulator);
    expect(JSON.stringify(request.body)).not.toContain(secret);
    return request;
  };

  /** A space before a slash is what the oldest CLI needs to take it for text. */
  const plain = (words: string) => (cli === "oldest" && words.startsWith("/") ? ` ${words}` : words);

  /** Each place that a client can write to, as it sends it and as it must arrive. */
  const places = (words: string) => {
    const arrived = text(plain(words));
    const call = { id: "call_1", type: "function", function: { name: "read", arguments: JSON.stringify({ words }) } };
    const use = { type: "tool_use", id: "call_1", name: "read", input: { words } };
    const resultOf = (words: string) => ({ type: "tool_result", tool_use_id: "call_1", content: [text(words)] });
    const called = { role: "assistant", content: null, tool_calls: [call] };
    const answered = (content: unknown) => ({ role: "tool", tool_call_id: "call_1", content });
    return [
      { place: "a string", messages: [user(words)], arrives: [user([arrived])] },
      {
        place: "the last of several texts",
        messages: [user([text("First."), text(words)])],
        arrives: [user([text("First."), arrived])],
      },
      {
        place: "the first of several texts",
        messages: [user([text(words), text("Last.")])],
        arrives: [user([text(words), text("Last.")])],
      },
      {
        place: "every one of several texts",
        messages: [user([text(words), text(words)])],
        arrives: [user([text(words), arrived])],
      },
      {
        place: "history, of the user and of the assistant",
        messages: [
          user(words),
          assistant(words),
          user([text("More."), text(words)]),
          assistant("Yes."),
          user("Go on."),
        ],
        arrives: [
          user([text(plain(words))]),
          assistant([text(words)]),
          user([text("More."), text(plain(words))]),
          assistant([text("Yes.")]),
          user([text("Go on.")]),
        ],
      },
      {
        place: "a result and the arguments of a tool call",
        messages: [user("Read."), called, answered(words)],
        arrives: [user([text("Read.")]), assistant([use]), user([resultOf(words)])],
      },
      {
        place: "a result of a tool call in history, and the text after it",
        messages: [user("Read."), called, answered([text(words)]), user(words), assistant("Yes."), user("Go on.")],
        arrives: [
          user([text("Read.")]),
          assistant([use]),
          user([resultOf(words), text(plain(words))]),
          assistant([text("Yes.")]),
          user([text("Go on.")]),
        ],
      },
    ];
  };
  const names = places("").map(({ place }) => place);
  const placed = (name: string, words: string) => places(words).find(({ place }) => place === name)!;

  test.each(names)("a file that is named in %s is not read", async (name) => {
    const { messages, arrives } = placed(name, mentions);
    expect(sentMessages(await sent(messages))).toEqual(arrives);
  });

  test.each(names)("a command in %s is answered by the model", async (name) => {
    const { messages, arrives } = placed(name, "/compact");
    expect(sentMessages(await sent(messages))).toEqual(arrives);
  });

  test.each(commands)("%s is a prompt like any other", async (command) => {
    expect(sentMessages(await sent([user(command)]))).toEqual([user([text(plain(command))])]);
  });

  test("all commands one after the other in history stay a conversation", async () => {
    const history = commands.flatMap((command) => [user(command), assistant("Yes.")]);
    const arrives = commands.flatMap((command) => [user([text(plain(command))]), assistant([text("Yes.")])]);
    const request = await sent([...history, user("Go on.")]);
    expect(sentMessages(request)).toEqual([...arrives, user([text("Go on.")])]);
  });

  test.each([
    { name: "a line break", space: "\n" },
    { name: "a byte order mark", space: "\uFEFF" },
  ])("a command after $name is answered by the model", async ({ space }) => {
    const words = `${space}/clear\nand more`;
    expect(sentMessages(await sent([user(words)]))).toEqual([user([text(words)])]);
  });

  test("files and commands in the system prompt are its text", async () => {
    for (const words of [mentions, "/clear"]) {
      const request = await sent([{ role: "system", content: words }, user("Hello.")]);
      expect(sentSystem(request)).toBe(words);
      expect(sentMessages(request)).toEqual([user([text("Hello.")])]);
    }
  });
});
