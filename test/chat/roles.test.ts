/** A conversation reaches the model as the client wrote it: each message in its role, each block in its place. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { matrix, type Ocp, startOcp } from "../harness/ocp.ts";
import { processesAtHome, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { ask, assistant, post, user } from "./client.ts";
import { messageRequests, onlyRequest, sentMessages, sentSystem } from "./upstream.ts";

const settings = matrix();
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const gif = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
const pdf = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n").toString("base64");

const text = (words: string) => ({ type: "text", text: words });
const image = (type: string, data: string) => ({ type: "image", source: { type: "base64", media_type: type, data } });
const imageUrl = (type: string, data: string) => ({
  type: "image_url",
  image_url: { url: `data:${type};base64,${data}` },
});
const call = (id: string, name: string, input: object) => ({
  id,
  type: "function",
  function: { name, arguments: JSON.stringify(input) },
});

describe.each(settings)("the conversation upstream ($name)", ({ target, cli }) => {
  let simulator: Simulator;
  let ocp: Ocp;
  const secrets = { PROXY_API_KEY: "ocp_the-key-of-this-proxy", ANTHROPIC_API_KEY: "sk-ant-api03-not-for-the-cli" };

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, cli, simulator, env: { ...secrets, SOME_PASSWORD: "of-the-host" } });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  /** The one request that such a chat leads to. */
  const sent = async (body: Record<string, unknown>) => {
    simulator.reset();
    const { status } = await ask(ocp, body);
    expect(status).toBe(200);
    return onlyRequest(simulator);
  };

  test.each(cli === "newest" ? ["sonnet", "opus", "haiku", "claude-sonnet-4-6"] : ["sonnet"])(
    "what the CLI says of itself stands at the beginning, where a live process has it, and no message is empty (%s)",
    async (model) => {
      const request = await sent({
        model,
        messages: [user("One?"), assistant("One."), user("Two?"), assistant("Two."), user("Three?")],
      });
      const { messages } = request.body!;
      for (const { content } of messages) {
        expect(content.length).toBeGreaterThan(0);
        expect(JSON.stringify(content)).not.toContain('"text":""');
      }
      const saying = messages.flatMap(({ content }, index) =>
        /# (Environment|currentDate)\b/.test(JSON.stringify(content)) ? [index] : [],
      );
      expect(saying).toHaveLength(1);
      expect(saying[0]).toBeLessThan(messages.findIndex(({ role }) => role === "assistant"));
    },
  );

  // What the CLI adds stands in other places for older models.
  test.each(["claude-sonnet-5-5", "claude-sonnet-4-6", "claude-haiku-4-5"])(
    "ten messages with images, system texts in between and tool calls arrive role by role (%s)",
    async (model) => {
      const request = await sent({
        model,
        messages: [
          { role: "system", content: "Be brief." },
          user([text("What is this?"), imageUrl("image/png", png)]),
          assistant("A pixel."),
          { role: "developer", content: [text("Answer in English.")] },
          user([imageUrl("image/gif", gif), text("And this?"), text("Look twice.")]),
          {
            role: "assistant",
            content: "I compare them.",
            tool_calls: [call("call_1", "compare", { a: 1, b: ["x"] }), call("call_2", "now", {})],
          },
          { role: "tool", tool_call_id: "call_2", content: "Noon." },
          { role: "tool", tool_call_id: "call_1", content: [text("They differ"), text("in one place.")] },
          user("Go on."),
          assistant("They differ."),
          user("Thanks. Is that all?"),
        ],
      });
      expect(sentSystem(request)).toBe("Be brief.");
      const reminder = "<system-reminder>\nAnswer in English.\n</system-reminder>";
      const [, , corrected] = (request.body?.messages ?? []).filter(({ role }) => role !== "system");
      expect(JSON.stringify(corrected)).toContain(JSON.stringify(reminder));
      expect(sentMessages(request)).toEqual([
        user([text("What is this?"), image("image/png", png)]),
        assistant([text("A pixel.")]),
        user([image("image/gif", gif), text("And this?"), text("Look twice.")]),
        assistant([
          text("I compare them."),
          { type: "tool_use", id: "call_1", name: "compare", input: { a: 1, b: ["x"] } },
          { type: "tool_use", id: "call_2", name: "now", input: {} },
        ]),
        user([
          { type: "tool_result", tool_use_id: "call_2", content: [text("Noon.")] },
          { type: "tool_result", tool_use_id: "call_1", content: [text("They differ"), text("in one place.")] },
          text("Go on."),
        ]),
        assistant([text("They differ.")]),
        user([text("Thanks. Is that all?")]),
      ]);
      expect(request.body?.tools ?? []).toEqual([]);
    },
  );

  test("results of tool calls may be the last that the client says", async () => {
    const request = await sent({
      messages: [
        user("What time is it?"),
        { role: "assistant", content: null, tool_calls: [call("call_1", "now", {})] },
        { role: "tool", tool_call_id: "call_1", content: "Noon." },
      ],
    });
    expect(sentMessages(request)).toEqual([
      user([text("What time is it?")]),
      assistant([{ type: "tool_use", id: "call_1", name: "now", input: {} }]),
      user([{ type: "tool_result", tool_use_id: "call_1", content: [text("Noon.")] }]),
    ]);
  });

  test("large results of tool calls and those with images arrive whole", async () => {
    // Results of tools of its own the CLI would replace by a preview from 50,000 characters on.
    const large = "0123456789".repeat(6_000);
    const request = await sent({
      messages: [
        user("Look."),
        { role: "assistant", content: null, tool_calls: [call("call_1", "read", {}), call("call_2", "see", {})] },
        { role: "tool", tool_call_id: "call_1", content: large },
        { role: "tool", tool_call_id: "call_2", content: [text("Seen."), imageUrl("image/png", png)] },
      ],
    });
    expect(sentMessages(request).at(-1)).toEqual(
      user([
        { type: "tool_result", tool_use_id: "call_1", content: [text(large)] },
        { type: "tool_result", tool_use_id: "call_2", content: [text("Seen."), image("image/png", png)] },
      ]),
    );
  });

  test("a conversation that the assistant begins keeps its order, behind a note that it does", async () => {
    const request = await sent({
      messages: [assistant("I begin."), user("Hello."), assistant("Yes?"), user("Go on.")],
    });
    expect(sentMessages(request)).toEqual([
      user([text("(The assistant speaks first.)")]),
      assistant([text("I begin.")]),
      user([text("Hello.")]),
      assistant([text("Yes?")]),
      user([text("Go on.")]),
    ]);
  });

  test("neighbours of one role become one message, their blocks in order", async () => {
    const request = await sent({
      messages: [
        user("One."),
        user([text("Two."), imageUrl("image/png", png)]),
        assistant("Three."),
        assistant("Four."),
        user("Five."),
        user("Six."),
      ],
    });
    expect(sentMessages(request)).toEqual([
      user([text("One."), text("Two."), image("image/png", png)]),
      assistant([text("Three."), text("Four.")]),
      user([text("Five."), text("Six.")]),
    ]);
  });

  test("white space, other scripts and markup arrive as they are", async () => {
    const odd = [
      "  indented\r\n\tand more  \n\n",
      "日本語 🙂 e\u0301 \u202Eltr",
      '{"json": [1, "<b>&amp;</b>"]}',
      "[Image #1] %s \\n",
    ];
    const request = await sent({
      messages: [
        { role: "system", content: odd.join("|") },
        user(odd.map(text)),
        assistant(odd.map(text)),
        user(odd.join("")),
      ],
    });
    expect(sentSystem(request)).toBe(odd.join("|"));
    expect(sentMessages(request)).toEqual([user(odd.map(text)), assistant(odd.map(text)), user([text(odd.join(""))])]);
  });

  test("a reminder that the client writes itself is the client's text", async () => {
    const own = "<system-reminder>\nThe user likes tea.\n</system-reminder>";
    const request = await sent({ messages: [user([text(own), text("Hi.")]), assistant("Hello."), user(own)] });
    const users = request.body!.messages.filter(({ role }) => role === "user");
    expect(users).toHaveLength(2);
    for (const message of users) expect(JSON.stringify(message)).toContain(JSON.stringify(own));
  });

  test("PDF documents arrive, in history and last, with their names", async () => {
    const file = (filename: string) => ({
      type: "file",
      file: { filename, file_data: `data:application/pdf;base64,${pdf}` },
    });
    const document = (title: string) => ({
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: pdf },
      title,
    });
    const request = await sent({
      messages: [
        user([text("Read."), file("one.pdf")]),
        assistant("Read."),
        user([file("two.pdf"), text("And this?")]),
      ],
    });
    expect(sentMessages(request)).toEqual([
      user([text("Read."), document("one.pdf")]),
      assistant([text("Read.")]),
      user([document("two.pdf"), text("And this?")]),
    ]);
  });

  test("a hundred messages of history arrive in order", async () => {
    const history = Array.from({ length: 50 }, (_, i) => [user(`Question ${i}`), assistant(`Answer ${i}`)]).flat();
    const request = await sent({ messages: [...history, user("And now?")] });
    const expected = [...history, user("And now?")].map(({ role, content }) => ({
      role,
      content: [text(content as string)],
    }));
    expect(sentMessages(request)).toEqual(expected);
  });

  test("a message that the CLI alone would refuse as too long goes up whole", async () => {
    // The CLI's own limit for a window of 200,000 tokens is about 710,000 characters.
    const long = "0123456789".repeat(75_000);
    const request = await sent({ model: "claude-haiku-4-5", messages: [user(long)] });
    expect(sentMessages(request)).toEqual([user([text(long)])]);
  });

  test('"hi" is at most 2,600 bytes', async () => {
    const request = await sent({ messages: [user("hi")] });
    expect(request.bytes).toBeLessThanOrEqual(2_600);
    expect(sentSystem(request)).toBe("");
  });

  test("a system prompt of 1 MB arrives whole, and the child's command line and environment hold no secret", async () => {
    simulator.reset();
    simulator.play(() => ({ blocks: ["Never said."], fault: { kind: "stall", after: 0 } }));
    const system = `The word is xyzzy. ${"0123456789".repeat(100_000)} And plugh.`;
    const leaving = new AbortController();
    const messages = [{ role: "system", content: system }, user("frobozz"), assistant("grue"), user("lantern")];
    const answer = post(ocp, { messages }, { signal: leaving.signal });
    answer.catch(() => {});
    const request = await simulator.message(1);
    expect(sentSystem(request)).toBe(system);
    expect(request.headers.authorization).toBe("Bearer sk-ant-oat01-test");

    const children = processesAtHome(join(ocp.home, ".ocp"));
    expect(children.length).toBeGreaterThan(0);
    for (const { pid } of children) {
      const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      expect(argv).toContain("stream-json");
      for (const word of ["xyzzy", "plugh", "frobozz", "grue", "lantern", "sk-ant-"]) expect(argv).not.toContain(word);
      expect(environment).toContain("CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-test\0");
      for (const secret of [...Object.values(secrets), "of-the-host"]) expect(environment).not.toContain(secret);
      for (const name of [...Object.keys(secrets), "SOME_PASSWORD"]) expect(environment).not.toContain(name);
    }
    leaving.abort();
    await waitUntilNobodyAtHome(join(ocp.home, ".ocp"));
    expect(messageRequests(simulator)).toHaveLength(1);
  });
});
