/** OpenAI's chat request as a conversation: literals in, literals out. */

import { describe, expect, test } from "bun:test";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import { type DecodeContext, decodeChatRequest } from "../../src/wire/openai-chat/decode.ts";
import { failure } from "./failure.ts";

const pngData = btoa("\x89PNG\r\n\x1a\na picture");
const jpegData = btoa("\xff\xd8\xffx");
const png = `data:image/png;base64,${pngData}`;
const pdf = `data:application/pdf;base64,${btoa("%PDF-1.7")}`;
const pngBlock = { type: "image", source: { type: "base64", media_type: "image/png", data: pngData } };
const context: DecodeContext = {
  catalog: createCatalog(models),
  images: { allowUrl: false, maxBytes: 100, maxCount: 3, maxTotalBytes: 150 },
  hints: [],
};
const decode = (body: unknown, more: Partial<DecodeContext> = {}) => decodeChatRequest(body, { ...context, ...more });
const text = (value: string) => ({ type: "text", text: value });
const hi = [{ role: "user", content: "hi" }];
const ask = (content: unknown) => ({ messages: [{ role: "user", content }] });
const toolCall = (id: string, args = "{}") => ({ id, type: "function", function: { name: "f", arguments: args } });
const toolUse = (id: string, input = {}) => ({ type: "tool_use", id, name: "f", input });
const toolResult = (id: string, ...content: unknown[]) => ({ type: "tool_result", tool_use_id: id, content });
const noResult = (id: string) => ({
  ...toolResult(id, text("No result was returned for this call.")),
  is_error: true,
});

test("the shortest request gets the usual model and nothing else", () => {
  expect(decode({ messages: hi })).toEqual({
    conversation: {
      model: "claude-sonnet-5-5",
      system: "",
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
      toolbox: null,
      output: null,
      sampling: { stop: [] },
      hints: [],
    },
    stream: false,
    includeUsage: false,
    model: "claude-sonnet-5-5",
    legacyCalls: false,
    ignored: [],
  });
});

test("the answer carries the model's name as the client wrote it, the CLI gets the id", () => {
  const decoded = decode({ model: "opus", messages: hi, stream: true, stream_options: { include_usage: true } });
  expect(decoded).toMatchObject({ model: "opus", stream: true, includeUsage: true });
  expect(decoded.conversation.model).toBe("claude-opus-5-5");
});

test("null is the same as absent, and unknown keys mean nothing at any level", () => {
  const body = JSON.parse(`{
    "model": null, "stream": null, "stream_options": {"include_usage": null, "odd": 1}, "temperature": null,
    "stop": null, "tools": null, "n": null, "seed": null, "reasoning_effort": null, "response_format": null,
    "__proto__": {"stream": true}, "constructor": 1, "client_metadata": {"deep": [null, {"er": null}]},
    "messages": [{"role": "user", "name": null, "cache_control": {"type": "ephemeral"}, "tool_calls": null,
      "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}, "image_url": null}]}]
  }`);
  expect(decode(body)).toEqual(decode({ messages: hi }));
});

test("very many parts and calls of one id are taken in passable time", () => {
  const parts = Array.from({ length: 100_000 }, () => text("a"));
  const [merged] = decode({ messages: [...ask(parts).messages, ...ask(parts).messages] }).conversation.messages;
  expect(merged?.content).toHaveLength(200_000);

  const steps = Array.from({ length: 4_999 }, () => [
    { role: "assistant", tool_calls: [toolCall("same")] },
    { role: "tool", tool_call_id: "same", content: "r" },
  ]).flat();
  const { messages } = decode({ messages: [...hi, ...steps] }).conversation;
  expect(messages.at(-1)?.content).toMatchObject([{ tool_use_id: "same-4999" }]);

  const ids = Array.from({ length: 9_998 }, (_, index) => `id${index}`);
  const parallel = [
    { role: "assistant", tool_calls: ids.map((id) => toolCall(id)) },
    ...ids.slice(1).map((id) => ({ role: "tool", tool_call_id: id, content: "r" })),
  ];
  const answered = decode({ messages: [...hi, ...parallel] }).conversation.messages;
  expect(answered.at(-1)?.content).toHaveLength(9_998);
}, 5000);

test("data that nests without end in an unknown key does no harm", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  expect(decode(JSON.parse(`{"odd": ${deep}, "messages": [{"role": "user", "content": "hi"}]}`)).ignored).toEqual([]);
});

describe("messages", () => {
  test.each<[string, unknown[], unknown[]]>([
    [
      "neighbours of one role become one",
      [
        { role: "user", content: "a" },
        { role: "user", content: [text("b"), text("c")] },
        { role: "assistant", content: "d" },
        { role: "assistant", content: [text("e")] },
        { role: "user", content: "f" },
      ],
      [
        { role: "user", content: [text("a"), text("b"), text("c")] },
        { role: "assistant", content: [text("d"), text("e")] },
        { role: "user", content: [text("f")] },
      ],
    ],
    [
      "an empty assistant message goes, and its neighbours meet",
      [
        { role: "user", content: "a" },
        { role: "assistant", content: "" },
        { role: "assistant", content: null },
        { role: "assistant", content: [] },
        { role: "assistant" },
        { role: "user", content: "b" },
      ],
      [{ role: "user", content: [text("a"), text("b")] }],
    ],
    [
      "texts without a visible character go",
      [{ role: "user", content: [text(""), text("a"), text(" \n")] }],
      [{ role: "user", content: [text("a")] }],
    ],
    [
      "an assistant may begin",
      [
        { role: "assistant", content: "welcome" },
        { role: "user", content: "a" },
      ],
      [
        { role: "assistant", content: [text("welcome")] },
        { role: "user", content: [text("a")] },
      ],
    ],
    [
      "other names of the parts, and a refusal as text",
      [
        { role: "user", content: [{ type: "input_text", text: "a" }] },
        {
          role: "assistant",
          content: [
            { type: "output_text", text: "b" },
            { type: "refusal", refusal: "no" },
          ],
        },
        { role: "user", content: "c" },
        { role: "assistant", content: null, refusal: "never" },
        { role: "user", content: "d" },
      ],
      [
        { role: "user", content: [text("a")] },
        { role: "assistant", content: [text("b"), text("no")] },
        { role: "user", content: [text("c")] },
        { role: "assistant", content: [text("never")] },
        { role: "user", content: [text("d")] },
      ],
    ],
    [
      "images in every form, in their place",
      [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: png, detail: "low" } },
            text("between"),
            { type: "input_image", image_url: png },
            { type: "image", source: { type: "base64", media_type: "image/png", data: pngData } },
          ],
        },
      ],
      [{ role: "user", content: [pngBlock, text("between"), pngBlock, pngBlock] }],
    ],
    [
      "documents",
      [
        {
          role: "user",
          content: [
            { type: "file", file: { file_data: pdf, filename: "a.pdf" } },
            { type: "input_file", file_data: pdf },
          ],
        },
      ],
      [
        {
          role: "user",
          content: [
            {
              type: "document",
              source: { type: "base64", media_type: "application/pdf", data: btoa("%PDF-1.7") },
              title: "a.pdf",
            },
            { type: "document", source: { type: "base64", media_type: "application/pdf", data: btoa("%PDF-1.7") } },
          ],
        },
      ],
    ],
    [
      "calls and results, in parallel and out of order, results before text",
      [
        { role: "user", content: "a" },
        { role: "assistant", content: null, tool_calls: [toolCall("x1", '{"n":1}'), toolCall("x2", "")] },
        { role: "user", content: "look" },
        { role: "tool", tool_call_id: "x2", content: "two" },
        { role: "tool", tool_call_id: "x1", content: [text("one"), { type: "image_url", image_url: png }] },
        { role: "assistant", content: "said" },
        { role: "user", content: "b" },
      ],
      [
        { role: "user", content: [text("a")] },
        { role: "assistant", content: [toolUse("x1", { n: 1 }), toolUse("x2")] },
        {
          role: "user",
          content: [toolResult("x2", text("two")), toolResult("x1", text("one"), pngBlock), text("look")],
        },
        { role: "assistant", content: [text("said")] },
        { role: "user", content: [text("b")] },
      ],
    ],
    [
      "an empty result stays a result",
      [
        { role: "user", content: "a" },
        { role: "assistant", content: "", tool_calls: [toolCall("x")] },
        { role: "tool", tool_call_id: "x", content: "" },
      ],
      [
        { role: "user", content: [text("a")] },
        { role: "assistant", content: [toolUse("x")] },
        { role: "user", content: [toolResult("x")] },
      ],
    ],
    [
      "a call whose result was left out gets one that says so, after those that came",
      [
        { role: "user", content: "a" },
        { role: "assistant", content: "let me see", tool_calls: [toolCall("x"), toolCall("y"), toolCall("z")] },
        { role: "tool", tool_call_id: "y", content: "r" },
        { role: "user", content: "stop" },
        { role: "assistant", tool_calls: [toolCall("w")] },
        { role: "assistant", content: "well" },
        { role: "user", content: "b" },
      ],
      [
        { role: "user", content: [text("a")] },
        { role: "assistant", content: [text("let me see"), toolUse("x"), toolUse("y"), toolUse("z")] },
        { role: "user", content: [toolResult("y", text("r")), noResult("x"), noResult("z"), text("stop")] },
        { role: "assistant", content: [toolUse("w"), text("well")] },
        { role: "user", content: [noResult("w"), text("b")] },
      ],
    ],
    [
      "ids that the API would refuse are made fit, and the second of a name is another one",
      [
        { role: "user", content: "a" },
        { role: "assistant", tool_calls: [toolCall("f:0")] },
        { role: "tool", tool_call_id: "f:0", content: "r" },
        { role: "assistant", tool_calls: [toolCall("f:0")] },
        { role: "tool", tool_call_id: "f:0", content: "s" },
        { role: "assistant", tool_calls: [toolCall("::")] },
        { role: "tool", tool_call_id: "::", content: "t" },
      ],
      [
        { role: "user", content: [text("a")] },
        { role: "assistant", content: [toolUse("f0")] },
        { role: "user", content: [toolResult("f0", text("r"))] },
        { role: "assistant", content: [toolUse("f0-2")] },
        { role: "user", content: [toolResult("f0-2", text("s"))] },
        { role: "assistant", content: [toolUse("call")] },
        { role: "user", content: [toolResult("call", text("t"))] },
      ],
    ],
    [
      "the older function calls",
      [
        { role: "user", content: "a" },
        { role: "assistant", content: null, function_call: { name: "f", arguments: '{"n":1}' } },
        { role: "function", name: "f", content: "r" },
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        { role: "function", name: "f", content: "s" },
      ],
      [
        { role: "user", content: [text("a")] },
        { role: "assistant", content: [toolUse("call", { n: 1 })] },
        { role: "user", content: [toolResult("call", text("r"))] },
        { role: "assistant", content: [toolUse("call-2")] },
        { role: "user", content: [toolResult("call-2", text("s"))] },
      ],
    ],
  ])("%s", (_name, messages, expected) => {
    expect(decode({ messages }).conversation.messages as unknown[]).toEqual(expected);
  });

  test("system and developer texts before the first message are joined, the operator's last; later ones stay", () => {
    const messages = [
      { role: "system", content: "one" },
      { role: "user", content: "a" },
      { role: "developer", content: [text("two"), text(" "), text("three")] },
      { role: "user", content: "b" },
      { role: "system", content: "" },
    ];
    const { conversation } = decode({ messages }, { systemPrompt: "four" });
    expect(conversation.system).toBe("one\n\nfour");
    const instruction = (words: string) => ({ type: "system", text: words });
    expect(conversation.messages as unknown[]).toEqual([
      { role: "user", content: [text("a"), instruction("two"), instruction("three"), text("b")] },
    ]);
  });

  test("a prompt in place of messages is one user message", () => {
    expect(decode({ prompt: "hi" })).toEqual(decode({ messages: hi }));
  });

  test("an image's link passes where the server allows it", () => {
    const url = "https://example.org/a.png?b=c";
    const images = { ...context.images, allowUrl: true };
    const decoded = decode(ask([{ type: "image_url", image_url: { url } }]), { images });
    const [message] = decoded.conversation.messages as unknown[];
    expect(message).toEqual({ role: "user", content: [{ type: "image", source: { type: "url", url } }] });
  });

  test("the media type is read without regard to case, other attributes and the old name of JPEG", () => {
    const url = `DATA:image/JPG;name=a;Base64,${jpegData}`;
    const decoded = decode(ask([{ type: "image_url", image_url: url }]));
    expect(decoded.conversation.messages[0]?.content[0]).toEqual({
      type: "image",
      source: { type: "base64", media_type: "image/jpeg", data: jpegData },
    });
  });
});

describe("parameters", () => {
  test.each<[object, object]>([
    [{ max_tokens: 5 }, { maxTokens: 5 }],
    [{ max_tokens: 5, max_completion_tokens: 6 }, { maxTokens: 6 }],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ temperature: 1 }, { temperature: 1 }],
    [{ top_p: 0.5 }, { topP: 0.5 }],
    [{ stop: "END" }, { stop: ["END"] }],
    [{ stop: ["a", "b"] }, { stop: ["a", "b"] }],
    [{ reasoning_effort: "none" }, { effort: "none" }],
    [{ reasoning_effort: "minimal" }, { effort: "low" }],
    [{ reasoning_effort: "xhigh" }, { effort: "xhigh" }],
    [{ reasoning: { effort: "max" } }, { effort: "max" }],
    [{ reasoning: { effort: "max" }, reasoning_effort: "low" }, { effort: "low" }],
    [{ reasoning: { summary: "auto" } }, {}],
  ])("%j", (parameters, sampling) => {
    const decoded = decode({ messages: hi, ...parameters });
    expect(decoded.conversation.sampling).toEqual({ stop: [], ...sampling });
    expect(decoded.ignored).toEqual([]);
  });

  test("a temperature above 1 counts as 1 and is named", () => {
    const decoded = decode({ messages: hi, temperature: 1.5 });
    expect(decoded.conversation.sampling.temperature).toBe(1);
    expect(decoded.ignored).toEqual(["temperature"]);
  });

  test.each<[object]>([
    [{ seed: 0 }],
    [{ presence_penalty: 0.5 }],
    [{ frequency_penalty: -1 }],
    [{ logit_bias: { "50256": -100 } }],
    [{ logprobs: true }],
    [{ top_logprobs: 2 }],
    [{ service_tier: "flex" }],
    [{ prediction: { type: "content", content: "x" } }],
    [{ verbosity: "low" }],
    [{ web_search_options: {} }],
    [{ store: true }],
    [{ top_k: 40 }],
  ])("%j has no effect and is named", (parameters) => {
    expect(decode({ messages: hi, ...parameters }).ignored).toEqual(Object.keys(parameters));
  });

  test("what would have changed nothing is not named", () => {
    const harmless = {
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: {},
      logprobs: false,
      top_logprobs: 0,
      service_tier: "auto",
      verbosity: "medium",
      store: false,
      user: "u",
      metadata: { a: "b" },
      parallel_tool_calls: true,
      prompt_cache_key: "k",
      safety_identifier: "s",
      n: 1,
      tools: [],
      functions: [],
      tool_choice: "auto",
      function_call: "none",
      response_format: { type: "text" },
      modalities: ["text"],
    };
    expect(decode({ messages: hi, ...harmless }).ignored).toEqual([]);
  });

  test("a participant's name has no effect and is named once", () => {
    const messages = [
      { role: "user", name: "ann", content: "a" },
      { role: "user", name: "ben", content: "b" },
    ];
    expect(decode({ messages }).ignored).toEqual(["messages.name"]);
  });
});

/** Stands where a client's own words stand; no error may repeat it. */
const secret = "zebra9";
const loop = (...more: unknown[]) => ({
  messages: [...hi, { role: "assistant", tool_calls: [toolCall("a")] }, ...more],
});
const image = (url: unknown) => ask([{ type: "image_url", image_url: { url } }]);
const bytes = (count: number) => `data:image/png;base64,${btoa("GIF8".padEnd(count, "x"))}`;

describe("what is refused names its place and repeats nothing", () => {
  const refusals: Array<[body: unknown, param: string | undefined, reason?: string]> = [
    [null, undefined],
    ["zebra9", undefined],
    [[secret], undefined],
    [{}, "messages"],
    [{ messages: null }, "messages"],
    [{ messages: secret }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: [null] }, "messages.0"],
    [{ messages: [{ content: secret }] }, "messages.0.role"],
    [{ messages: [{ role: secret, content: secret }] }, "messages.0.role"],
    [{ prompt: [secret] }, "prompt"],
    [{ prompt: " " }, "messages.0.content"],
    [ask(7), "messages.0.content"],
    [ask(""), "messages.0.content"],
    [ask([]), "messages.0.content"],
    [ask(undefined), "messages.0.content"],
    [ask([secret]), "messages.0.content.0"],
    [ask([{ type: "text", text: { secret } }]), "messages.0.content.0.text"],
    [ask([text("a"), { type: "text" }]), "messages.0.content.1.text"],
    [ask([{ type: "input_audio", input_audio: { data: secret } }]), "messages.0.content.0.type"],
    [ask([{ type: `${secret} is what I asked` }]), "messages.0.content.0.type", "unsupported_content_type"],
    [{ messages: [...hi, { role: "assistant", content: secret }] }, "messages"],
    [{ messages: [{ role: "system", content: secret }] }, "messages"],
    [{ messages: [{ role: "user", content: "" }, { role: "assistant", content: "a" }, ...hi] }, "messages.0.content"],
    [
      { messages: [{ role: "system", content: [{ type: "image_url", image_url: png }] }, ...hi] },
      "messages.0.content",
      "images_unsupported_in_system_messages",
    ],
    [
      { messages: [{ role: "assistant", content: [{ type: "image_url", image_url: png }] }, ...hi] },
      "messages.0.content",
    ],
    [{ messages: [{ role: "assistant", audio: { id: secret } }, ...hi] }, "messages.0.audio"],

    [loop(), "messages"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ function: toolCall("a").function }] }, ...hi] },
      "messages.0.tool_calls.0.id",
    ],
    [loop({ role: "tool", content: secret }), "messages.2.tool_call_id"],
    [loop({ role: "tool", tool_call_id: secret, content: secret }), "messages.2.tool_call_id"],
    [
      loop({ role: "tool", tool_call_id: "a", content: "r" }, { role: "tool", tool_call_id: "a", content: "r" }),
      "messages.3.tool_call_id",
    ],
    [{ messages: [{ role: "tool", tool_call_id: "a", content: secret }] }, "messages.0.tool_call_id"],
    [
      loop(...hi, { role: "assistant", content: "said" }, { role: "tool", tool_call_id: "a", content: secret }),
      "messages.4.tool_call_id",
    ],
    [{ messages: [...hi, { role: "function", content: secret }] }, "messages.1.name"],
    ...["{", '"zebra9"', "[]", "null", `{"a":${"[".repeat(500)}${"]".repeat(500)}}`].map((args): [unknown, string] => [
      { messages: [...hi, { role: "assistant", tool_calls: [toolCall("a", args)] }, ...hi] },
      "messages.1.tool_calls.0.function.arguments",
    ]),

    [image(5), "messages.0.content.0.image_url.url"],
    [image("data:image/png,zebra9"), "messages.0.content.0.image_url", "invalid_data_uri"],
    [image("data:image/png;base64,zebra9!"), "messages.0.content.0.image_url", "invalid_data_uri"],
    [image("data:image/png;base64,"), "messages.0.content.0.image_url", "invalid_data_uri"],
    [image(`data:image/png;base64,${btoa("no image at all")}`), "messages.0.content.0.image_url", "invalid_data_uri"],
    [image("data:;base64,AAAA"), "messages.0.content.0.image_url", "invalid_data_uri"],
    [image("data:zebra9"), "messages.0.content.0.image_url", "invalid_data_uri"],
    [image("data:image/svg+xml;base64,AAAA"), "messages.0.content.0.image_url", "unsupported_image_type"],
    [image(""), "messages.0.content.0.image_url", "invalid_image_url"],
    [image("zebra9.png"), "messages.0.content.0.image_url", "invalid_image_url"],
    [image("https://zebra9/a.png"), "messages.0.content.0.image_url", "remote_url_disabled"],
    [image("file:///zebra9"), "messages.0.content.0.image_url", "unsupported_url_scheme"],
    [ask([{ type: "image_url" }]), "messages.0.content.0.image_url"],
    [ask([{ type: "image", source: { type: "base64", media_type: "image/png" } }]), "messages.0.content.0.source.data"],
    [ask([{ type: "file", file: { file_id: secret } }]), "messages.0.content.0.file.file_id"],
    [ask([{ type: "file", file: { filename: secret } }]), "messages.0.content.0.file.file_data"],
    [
      ask([{ type: "file", file: { file_data: "data:text/plain;base64,AAAA" } }]),
      "messages.0.content.0.file.file_data",
      "unsupported_file_type",
    ],

    [{ messages: hi, stream: secret }, "stream"],
    [{ messages: hi, model: 5 }, "model"],
    [{ messages: hi, max_tokens: 0 }, "max_tokens"],
    [{ messages: hi, max_tokens: 1.5 }, "max_tokens"],
    [{ messages: hi, max_completion_tokens: secret }, "max_completion_tokens"],
    [{ messages: hi, temperature: 2.1 }, "temperature"],
    [{ messages: hi, temperature: -0.1 }, "temperature"],
    [{ messages: hi, top_p: 1.1 }, "top_p"],
    [{ messages: hi, stop: "" }, "stop"],
    [{ messages: hi, stop: [secret, ""] }, "stop.1"],
    [{ messages: hi, stop: Array.from({ length: 17 }, () => secret) }, "stop"],
    [{ messages: hi, reasoning_effort: secret }, "reasoning_effort"],
    [{ messages: hi, reasoning: { effort: secret } }, "reasoning.effort"],
    [{ messages: hi, n: 2 }, "n", "unsupported_parameter"],
    [{ messages: hi, n: 0 }, "n"],
    [{ messages: hi, modalities: ["text", "audio"] }, "modalities", "unsupported_parameter"],
    [{ messages: hi, audio: { voice: secret } }, "audio", "unsupported_parameter"],
    [{ messages: hi, seed: secret }, "seed"],
  ];
  test.each(refusals.map(([body, param, reason]) => ({ body, param, reason })))("case %#: $param", (refusal) => {
    const { body, param, reason } = refusal;
    const error = failure(() => decode(body));
    expect(error).toMatchObject({ code: "invalid_request", status: 400 });
    expect(error.param).toBe(param);
    if (reason !== undefined) expect(error.reason).toBe(reason);
    expect(error.message).toMatch(/^[^\n]{10,}\.$/);
    expect(error.message).not.toContain(secret);
  });

  test("an unknown type of part is named", () => {
    expect(failure(() => decode(ask([{ type: "input_audio" }]))).message).toContain("`input_audio`");
  });

  test("an unknown model", () => {
    expect(failure(() => decode({ model: "zebra9", messages: hi }))).toMatchObject({ code: "model_not_found" });
  });

  test.each<[string, unknown]>([
    ["image_too_large", image(bytes(101))],
    ["images_too_large", ask([bytes(80), bytes(80)].map((url) => ({ type: "image_url", image_url: { url } })))],
    ["too_many_images", { messages: [1, 2, 3, 4].flatMap(() => image(bytes(1)).messages) }],
  ])("%s is 413", (reason, body) => {
    expect(failure(() => decode(body))).toMatchObject({ code: "body_too_large", status: 413, reason });
  });

  test("images up to the limits are taken", () => {
    expect(() => decode(image(bytes(100)))).not.toThrow();
    const three = ask([bytes(100), bytes(46), bytes(4)].map((url) => ({ type: "image_url", image_url: { url } })));
    expect(() => decode(three)).not.toThrow();
  });
});
