/** Thinking that is bound to its prefix: what keeps it valid, what does not, and what the API says then. */

import { describe, expect, test } from "bun:test";
import type { MessagesBody, RequestMessage } from "../../src/demo/request.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { post, replyOf } from "../demo/ask.ts";
import { bound, createThinkingBinding, refusalOf } from "./thinking-binding.ts";

const system = [
  { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.abc" },
  { type: "text", text: "Be brief." },
];
const tools = [{ name: "look", description: "Looks.", input_schema: { type: "object" } }];
const question: RequestMessage = { role: "user", content: "What is it?" };
const before: MessagesBody = { model: "claude-sonnet-5-5", system, tools, messages: [question] };

/** The next request of a conversation in which `before` was answered with a signed thought. */
function after(change: (body: MessagesBody) => MessagesBody = (body) => body) {
  const binding = createThinkingBinding();
  const signature = binding.sign(before);
  const answer = { role: "assistant" as const, content: [{ type: "thinking", thinking: "Hm.", signature }] };
  return binding.check(change({ ...before, messages: [question, answer, { role: "user", content: "And?" }] }));
}

const withFirst = (first: RequestMessage[]) => (body: MessagesBody) => ({
  ...body,
  messages: [...first, ...body.messages.slice(1)],
});

describe("signed thinking", () => {
  test("is valid behind what it was made with", () => {
    expect(after()).toEqual({ blocks: 1, refused: [] });
  });

  test.each<[string, (body: MessagesBody) => MessagesBody]>([
    ["a cache mark", (body) => ({ ...body, tools: [{ ...tools[0], cache_control: { type: "ephemeral" } }] })],
    ["the same text as a block", withFirst([{ role: "user", content: [{ type: "text", text: "What is it?" }] }])],
    ["another billing line", (body) => ({ ...body, system: [{ type: "text", text: "Be brief." }] })],
    ["what comes behind it", (body) => ({ ...body, messages: [...body.messages, { role: "user", content: "Now?" }] })],
  ])("stays valid with %s", (_, change) => {
    expect(after(change).refused).toEqual([]);
  });

  test.each<[string, (body: MessagesBody) => MessagesBody, string]>([
    ["another system prompt", (body) => ({ ...body, system: "Be long." }), "system: 9 characters became 8"],
    ["fewer tools", (body) => ({ ...body, tools: [] }), "tools: "],
    ["another message", withFirst([{ role: "user", content: "What was it?" }]), "message 0: "],
    ["a message more", withFirst([question, { role: "system", content: "Be quick." }]), "message 1: nothing became"],
    ["a message less", withFirst([]), "message 0: "],
  ])("is refused behind %s", (_, change, why) => {
    const { blocks, refused } = after(change);
    expect(blocks).toBe(1);
    expect(refused).toHaveLength(1);
    expect(refused[0]!.why).toStartWith(why);
  });

  test("is refused with a signature that was not given here, and thinking without one is no matter", () => {
    const { check } = createThinkingBinding();
    const thought = (signature: string) => ({ type: "thinking", thinking: "Hm.", signature });
    const content = [thought("bound.abc.def"), thought("c2ln"), { type: "text", text: "It is." }];
    const { blocks, refused } = check({ ...before, messages: [question, { role: "assistant", content }, question] });
    expect({ blocks, refused }).toEqual({
      blocks: 1,
      refused: [{ message: 1, block: 0, why: "the signature is from elsewhere" }],
    });
    expect(refusalOf({ blocks, refused })).toEqual({
      status: 400,
      message: "messages.1.content.0: Invalid `signature` in `thinking` block",
    });
    expect(refusalOf({ blocks, refused: [] })).toBeUndefined();
  });
});

describe("the simulated API with bound thinking", () => {
  const thoughtful = () => ({ blocks: [{ type: "thinking" as const, thinking: "Hm." }, "It is."] });
  const asked = { ...before, max_tokens: 100, thinking: { type: "adaptive" } };

  async function converse(refuses: boolean, edited: RequestMessage) {
    const binding = createThinkingBinding();
    await using simulator = startSimulator({ scenario: bound(binding, thoughtful, { refuses }) });
    const { content } = await replyOf(post(simulator, asked));
    const messages = [edited, { role: "assistant", content }, { role: "user", content: "And?" }];
    const second = await post(simulator, { ...asked, messages });
    return { status: second.status, reply: await replyOf(second), content, binding };
  }

  test("goes on with a conversation that is as it was", async () => {
    const { status, content, binding } = await converse(true, question);
    expect(content[0]).toMatchObject({
      type: "thinking",
      thinking: "Hm.",
      signature: expect.stringMatching(/^bound\./),
    });
    expect(status).toBe(200);
    expect(binding.checks).toEqual([
      { blocks: 0, refused: [] },
      { blocks: 1, refused: [] },
    ]);
  });

  test("refuses one that was edited before the thought, or only counts it", async () => {
    const edited = { role: "user", content: "What was it?" } as const;
    const strict = await converse(true, edited);
    expect(strict.status).toBe(400);
    expect(strict.reply.error).toMatchObject({
      type: "invalid_request_error",
      message: "messages.1.content.0: Invalid `signature` in `thinking` block",
    });
    const lenient = await converse(false, edited);
    expect(lenient.status).toBe(200);
    expect(lenient.binding.checks[1]!.refused).toHaveLength(1);
  });

  test.each<{ thinking: object | undefined; types: string[]; thought: string | undefined }>([
    { thinking: undefined, types: ["text"], thought: undefined },
    { thinking: { type: "disabled" }, types: ["text"], thought: undefined },
    { thinking: { type: "adaptive", display: "omitted" }, types: ["thinking", "text"], thought: "" },
    { thinking: { type: "enabled", budget_tokens: 9 }, types: ["thinking", "text"], thought: "Hm." },
  ])("answers thinking $thinking with $types", async ({ thinking, types, thought }) => {
    await using simulator = startSimulator({ scenario: bound(createThinkingBinding(), thoughtful) });
    const { content } = await replyOf(post(simulator, { ...asked, thinking }));
    expect(content.map(({ type }) => type)).toEqual(types);
    expect(content[0].thinking).toBe(thought);
  });
});
