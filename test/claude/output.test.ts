/** Answers that must be JSON: given as a call that nobody sees, held to the schema, at the price of one request. */

import { describe, expect, test } from "bun:test";
import type { Conversation, OutputFormat } from "../../src/core/conversation.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import type { Script, ScriptBlock } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import {
  called,
  calls,
  drive,
  rebuiltBy,
  result,
  said,
  sessionOf,
  shared,
  text,
  tool,
  toolbox,
  user,
} from "./engine.ts";

const weather = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
const wanted = (schema: Record<string, unknown> | null): Partial<Conversation> => ({
  output: { name: "weather", schema } satisfies OutputFormat,
});
const answering = (input: Record<string, unknown> | string[]) => called("toolu_json", "respond_with_json", input);
const question = [user("How is it?")];

describe.each(cliVersions)("an answer in JSON (%s)", (cli) => {
  const driven = shared(cli);

  test("streams as text, as the model writes it, from one forced request without thinking", async () => {
    const fragments = ['{"city":', ' "Bern",', ' "degrees": 7}'];
    driven().script({ blocks: [answering(fragments)], paceMs: 5 });
    const answer = await driven().turn(question, wanted(weather));
    expect(answer).toMatchObject({ stop: "end_turn", content: [text(fragments.join(""))] });
    const deltas = answer.events.flatMap((event) => (event.type === "delta" ? [event.delta] : []));
    expect(deltas).toEqual(fragments.map((piece) => ({ type: "text", text: piece })));
    const [body, ...more] = driven().upstream();
    expect(more).toEqual([]);
    expect(body.tool_choice).toEqual({ type: "tool", name: "respond_with_json", disable_parallel_tool_use: true });
    expect(body.thinking).toEqual({ type: "disabled" });
    expect(body.tools).toMatchObject([{ name: "respond_with_json", input_schema: weather }]);
    expect(driven().held()).toEqual([]);
  });

  test("goes on with the conversation in the next turn, which may be text again", async () => {
    driven().script(answering({ city: "Bern", degrees: 7 }), "As I said.");
    const first = await driven().turn(question, wanted(weather));
    const second = await driven().turn([...question, said(first), user("Sure?")]);
    expect(second).toMatchObject({ path: rebuiltBy(cli), content: [text("As I said.")] });
    const [, body] = driven().upstream();
    expect(body.tools ?? []).toEqual([]);
    expect(JSON.stringify(body)).not.toContain("respond_with_json");
  });

  test("may come after a text answer, in the process that holds the conversation", async () => {
    const plain = { sampling: { stop: [], effort: "none" as const } };
    driven().script("Fine.", answering({ city: "Bern", degrees: 7 }));
    const first = await driven().turn(question, plain);
    const second = await driven().turn([...question, said(first), user("In JSON?")], { ...plain, ...wanted(weather) });
    expect(second).toMatchObject({
      path: cli === "newest" ? "live" : "new",
      content: [text('{"city":"Bern","degrees":7}')],
    });
    expect(driven().upstream()[1].tools).toMatchObject([{ name: "respond_with_json" }]);
  });

  test("may follow calls of the client's tools", async () => {
    const both = { ...wanted(weather), toolbox: toolbox(tool("read_file")) };
    driven().script({ blocks: ["I look.", called("toolu_1")] }, answering({ city: "Bern", degrees: 7 }));
    const first = await driven().turn(question, both);
    expect(first).toMatchObject({ stop: "tool_use", content: [called("toolu_1")] });
    const second = await driven().turn([...question, said(first), user(result("toolu_1", "7 degrees"))], both);
    expect(second).toMatchObject({ stop: "end_turn", content: [text('{"city":"Bern","degrees":7}')] });
    const bodies = driven().upstream();
    expect(bodies).toHaveLength(2);
    for (const body of bodies) {
      expect(body.tool_choice).toEqual({ type: "any" });
      expect(body.tools.map(({ name }: any) => name)).toEqual(["read_file", "respond_with_json"]);
    }
  });
});

describe("an answer in JSON", () => {
  const driven = shared();

  const schemas: Array<[string, Record<string, unknown> | null, object, string, "plain" | "wrapped"]> = [
    ["any object", null, { a: 1 }, '{"a":1}', "plain"],
    ["an object without a field", { type: "object" }, {}, "{}", "plain"],
    ["a list", { type: "array", items: { type: "integer" } }, { value: [1, 2] }, "[1,2]", "wrapped"],
    ["a word of some", { enum: ["yes", "no"] }, { value: "yes" }, '"yes"', "wrapped"],
    [
      "one of two by $defs",
      { anyOf: [{ $ref: "#/$defs/a" }, { type: "null" }], $defs: { a: { type: "object", required: ["a"] } } },
      { value: { a: 1 } },
      '{"a":1}',
      "wrapped",
    ],
    [
      "what 2020-12, x-* and format describe",
      {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        properties: {
          when: { type: "string", format: "date-time", "x-order": 1 },
          pair: { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }] },
        },
        unevaluatedProperties: false,
        "x-title": "made up",
      },
      { when: "now", pair: ["a", 1] },
      '{"when":"now","pair":["a",1]}',
      "plain",
    ],
  ];
  test.each(schemas)("may be %s", async (_, schema, input, expected, form) => {
    driven().script(answering({ ...input }));
    const answer = await driven().turn(question, wanted(schema));
    expect(answer).toMatchObject({ stop: "end_turn", content: [text(expected)] });
    const [body, ...more] = driven().upstream();
    expect(more).toEqual([]);
    const [{ input_schema }] = body.tools;
    const { $schema: _dialect, ...rules } = schema ?? { type: "object" };
    if (form === "plain") expect(input_schema).toMatchObject(rules);
    else expect(input_schema).toMatchObject({ type: "object", required: ["value"] });
  });

  test("without arguments is an empty object", async () => {
    driven().script(answering([]));
    expect((await driven().turn(question, wanted(null))).content).toEqual([text("{}")]);
  });

  test.each([
    ["bare", ' {"city": "Bern", "degrees": 7} '],
    ["in a fence", '```json\n{"city": "Bern", "degrees": 7}\n```'],
  ])("is taken from prose that is nothing else, %s", async (_, prose) => {
    driven().script(prose);
    const answer = await driven().turn(question, wanted(weather));
    expect(answer).toMatchObject({ stop: "end_turn", content: [text('{"city":"Bern","degrees":7}')] });
    expect(driven().upstream()).toHaveLength(1);
  });

  const useless: Array<[string, ScriptBlock[], Record<string, unknown> | null]> = [
    ["prose", ["It is 7 degrees in Bern."], weather],
    ["prose around JSON", ['Here: {"city": "Bern", "degrees": 7}'], weather],
    ["prose in JSON that does not fit", ['{"city": "Bern"}'], weather],
    ["a list that does not fit", [answering({ value: ["a"] })], { type: "array", items: { type: "integer" } }],
  ];
  test.each(useless)("that is %s is an error, and nothing goes out before it", async (_, blocks, schema) => {
    driven().script({ blocks });
    const events: TurnEvent[] = [];
    const failure = await read(driven().stream(question, wanted(schema)), events);
    expect(failure).toMatchObject({ code: "upstream_failed", reason: "unusable_answer" });
    expect(events).toEqual([]);
    expect(driven().upstream()).toHaveLength(1);
    expect(driven().held()).toEqual([]);
  });

  test("that does not fit, seen only at its end, never ends well", async () => {
    driven().script(answering({ city: "Bern", degrees: "warm" }));
    const events: TurnEvent[] = [];
    const failure = await read(driven().stream(question, wanted(weather)), events);
    expect(failure).toMatchObject({ code: "upstream_failed", reason: "unusable_answer" });
    expect(events.some(({ type }) => type === "end")).toBe(false);
    expect(driven().upstream()).toHaveLength(1);
  });

  const cut: Array<[string, Script, string]> = [
    ["max_tokens", { blocks: [answering(['{"city": "Be'])], stop: "max_tokens", paceMs: 40 }, '{"city": "Be'],
    ["refusal", { blocks: ["I will not."], stop: "refusal", paceMs: 40 }, ""],
  ];
  test.each(cut)("that ends with %s says so, after one request", async (stop, answer, expected) => {
    driven().script(answer);
    const ended = await driven().turn(question, wanted(weather));
    expect(ended.stop).toBe(stop as never);
    expect(ended.content.map((block) => (block.type === "text" ? block.text : block.type)).join("")).toBe(expected);
    expect(driven().upstream()).toHaveLength(1);
    expect(driven().held()).toEqual([]);
  });

  test("that the model gives twice in one message is its first", async () => {
    driven().script({ blocks: [answering({ city: "Bern", degrees: 7 }), called("toolu_2", "respond_with_json", {})] });
    const answer = await driven().turn(question, wanted(weather));
    expect(answer).toMatchObject({ stop: "end_turn", content: [text('{"city":"Bern","degrees":7}')] });
    expect(driven().upstream()).toHaveLength(1);
  });

  test("beside a call of a client's tool leaves no process that waits for ever", async () => {
    const both = { ...wanted(weather), toolbox: toolbox(tool("read_file")) };
    driven().script(
      { blocks: [called("toolu_1"), answering({ city: "Bern", degrees: 7 })] },
      answering({ city: "Bern", degrees: 8 }),
    );
    const first = await driven().turn(question, both);
    expect(calls(first)).toEqual([called("toolu_1") as never]);
    expect(first.stop).toBe("tool_use");
    const second = await driven().turn([...question, said(first), user(result("toolu_1", "8 degrees"))], both);
    expect(second.content).toEqual([text('{"city":"Bern","degrees":8}')]);
    expect(driven().upstream()).toHaveLength(2);
  });

  test.each([
    ["an unknown type", { type: "objekt" }],
    ["a pattern that is none", { type: "object", properties: { a: { type: "string", pattern: "(" } } }],
    ["a reference to nowhere", { type: "object", properties: { a: { $ref: "#/$defs/none" } } }],
  ])("by a schema with %s is a 400, and nothing is asked", async (_, schema) => {
    await expect(driven().turn(question, wanted(schema))).rejects.toMatchObject({
      code: "invalid_request",
      status: 400,
      reason: "invalid_schema",
    });
    expect(driven().upstream()).toEqual([]);
  });

  test("by an API that refuses tool_choice is asked for in words, and held to the schema", async () => {
    await using own = await drive();
    own.simulator.play(({ body }) =>
      body?.tool_choice
        ? { status: 400, message: "Thinking may not be enabled when tool_choice forces tool use." }
        : { blocks: ['{"city": "Bern", "degrees": 7}'] },
    );
    const answer = await own.turn(question, wanted(weather));
    expect(answer.content).toEqual([text('{"city":"Bern","degrees":7}')]);
    const [first] = own.upstream();
    const inWords = own.upstream().filter((body) => sessionOf(body) !== sessionOf(first));
    expect(inWords).toHaveLength(1);
    expect(inWords[0].system.at(-1).text).toContain("You must give your answer by calling");
  });
});

/** Reads a turn that must fail; returns what it fails with. */
async function read(stream: AsyncGenerator<TurnEvent, void, void>, events: TurnEvent[]): Promise<unknown> {
  try {
    for await (const event of stream) events.push(event);
  } catch (error) {
    return error;
  }
  throw new Error("the turn did not fail");
}
