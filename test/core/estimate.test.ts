/** The estimate of a conversation's tokens. */

import { describe, expect, test } from "bun:test";
import type { Conversation, ImageMediaType, UserBlock } from "../../src/core/conversation.ts";
import { estimateInputTokens, estimateText } from "../../src/core/estimate.ts";
import { imageSize } from "../../src/core/image-size.ts";

const conversation = (content: UserBlock[], changed: Partial<Conversation> = {}): Conversation => ({
  model: "claude-opus-5-5",
  system: "",
  messages: [{ role: "user", content }],
  toolbox: null,
  output: null,
  sampling: { stop: [] },
  hints: [],
  ...changed,
});
const text = (words: string): UserBlock => ({ type: "text", text: words });
const tokensOf = (...content: UserBlock[]) => estimateInputTokens(conversation(content));

describe("text", () => {
  /** Counts that the vendor's documentation gives for whole requests. */
  test("comes near the figures that the vendor publishes", () => {
    const plain = conversation([text("Hello, Claude")], { system: "You are a scientist" });
    expect(Math.abs(estimateInputTokens(plain) - 14)).toBeLessThanOrEqual(3);
    const city = { type: "string", description: "The city and state, e.g. San Francisco, CA" };
    const tooled = conversation([text("What's the weather like in San Francisco?")], {
      toolbox: {
        tools: [
          {
            name: "get_weather",
            description: "Get the current weather in a given location",
            inputSchema: { type: "object", properties: { location: city }, required: ["location"] },
          },
        ],
        choice: { type: "auto" },
        parallel: true,
      },
    });
    expect(Math.abs(estimateInputTokens(tooled) - 403)).toBeLessThan(403 * 0.15);
  });

  test.each<[string, string, number, number]>([
    ["English", "The quick brown fox jumps over the lazy dog. ".repeat(100), 1000, 1400],
    ["Chinese", "今天天气很好我们去公园".repeat(100), 1000, 1400],
    ["Korean", "안녕하세요".repeat(100), 400, 700],
    ["Russian", "Съешь же ещё этих мягких".repeat(100), 900, 1500],
    ["emoji", "\u{1F600}".repeat(100), 150, 300],
    ["nothing", "", 0, 0],
  ])("in %s", (_name, words, least, most) => {
    const tokens = estimateText(words);
    expect(tokens).toBeGreaterThanOrEqual(least);
    expect(tokens).toBeLessThanOrEqual(most);
  });

  test("a body of 30 MB is estimated in little time", () => {
    const words = "0123456789 abcde".repeat(2_000_000);
    const before = performance.now();
    expect(tokensOf(text(words))).toBeGreaterThan(5_000_000);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});

test("every part of a conversation counts", () => {
  const base = tokensOf(text("hi"));
  const schema = { type: "object", properties: { value: { type: "string" } } };
  const larger: Array<Partial<Conversation>> = [
    { system: "Be brief, and be kind." },
    { output: { name: "output", schema } },
    {
      toolbox: {
        tools: [{ name: "get", description: "", inputSchema: schema }],
        choice: { type: "auto" },
        parallel: true,
      },
    },
    {
      messages: [
        { role: "user", content: [text("hi")] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "well, well", signature: "s" },
            { type: "redacted_thinking", data: "sealed" },
            { type: "tool_use", id: "a", name: "get", input: { value: "x" } },
          ],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "a result" }] }],
        },
      ],
    },
  ];
  for (const changed of larger) {
    expect(estimateInputTokens(conversation([text("hi")], changed))).toBeGreaterThan(base);
  }
});

const file = (...parts: Array<string | number[]>) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))));
const u16be = (n: number) => [n >> 8, n & 255];
const u16le = (n: number) => [n & 255, n >> 8];

const pngOf = (width: number, height: number) =>
  file("\x89PNG\r\n\x1a\n", [0, 0, 0, 13], "IHDR", [0, 0], u16be(width), [0, 0], u16be(height), [8, 6]);

const images: Array<[string, ImageMediaType, Buffer]> = [
  ["PNG", "image/png", pngOf(800, 600)],
  ["GIF", "image/gif", file("GIF89a", u16le(800), u16le(600), [0])],
  [
    "JPEG with metadata before its frame",
    "image/jpeg",
    file(
      [0xff, 0xd8, 0xff, 0xe1],
      u16be(5002),
      "x".repeat(5000),
      [0xff, 0xc2],
      u16be(17),
      [8],
      u16be(600),
      u16be(800),
      [3],
    ),
  ],
  ["WebP, lossy", "image/webp", file("RIFF\0\0\0\0WEBPVP8 \0\0\0\0", [0, 0, 0, 0x9d, 1, 0x2a], u16le(800), u16le(600))],
  [
    "WebP, lossless",
    "image/webp",
    file(
      "RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f",
      [799 & 255, (799 >> 8) | ((599 & 3) << 6), (599 >> 2) & 255, 599 >> 10],
      "\0\0\0\0\0",
    ),
  ],
  ["WebP, extended", "image/webp", file("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0", u16le(799), [0], u16le(599), [0])],
];

describe("images", () => {
  const block = (data: Buffer, media_type: ImageMediaType = "image/png"): UserBlock => ({
    type: "image",
    source: { type: "base64", media_type, data: data.toString("base64") },
  });
  const alone = tokensOf(text("hi"));

  test.each(images)("the size of a %s is read from its head", (_name, mediaType, data) => {
    expect(imageSize(data.toString("base64"))).toEqual({ width: 800, height: 600 });
    expect(tokensOf(text("hi"), block(data, mediaType)) - alone).toBe(640);
  });

  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("no image at all, just some words in a row")],
    ["a PNG that is cut", pngOf(800, 600).subarray(0, 18)],
    ["a JPEG that never begins a frame", file([0xff, 0xd8, 0xff, 0xe1], u16be(9000), "x".repeat(100))],
    ["a JPEG whose segment has no length", file([0xff, 0xd8, 0xff, 0xe1, 0, 0, 0xff, 0xe1, 0, 0, 0, 0])],
    ["a PNG of no size", pngOf(0, 600)],
  ])("%s has no size, and counts like a usual image", (_name, data) => {
    expect(imageSize(data.toString("base64"))).toBeNull();
    expect(tokensOf(text("hi"), block(data)) - alone).toBe(1600);
  });

  test("one that is too large counts as it is made to fit", () => {
    expect(tokensOf(text("hi"), block(pngOf(4000, 2250))) - alone).toBe(3000);
    expect(tokensOf(text("hi"), block(pngOf(8000, 8000))) - alone).toBeLessThanOrEqual(4784);
  });

  test("one that is named by URL counts like a usual image", () => {
    const image: UserBlock = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
    expect(tokensOf(text("hi"), image) - alone).toBe(1600);
  });
});

test("documents count by their text, or by their size", () => {
  const documentOf = (source: Extract<UserBlock, { type: "document" }>["source"]) =>
    tokensOf({ type: "document", source });
  const words = "The quick brown fox jumps over the lazy dog.";
  expect(documentOf({ type: "text", media_type: "text/plain", data: words })).toBe(tokensOf(text(words)));
  const small = documentOf({ type: "base64", media_type: "application/pdf", data: "A".repeat(1000) });
  const large = documentOf({ type: "base64", media_type: "application/pdf", data: "A".repeat(1_000_000) });
  expect(large).toBeGreaterThan(5 * small);
  expect(documentOf({ type: "url", url: "https://example.com/a.pdf" })).toBeGreaterThan(small);
});
