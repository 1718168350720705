/** Bodies: JSON that is broken, of the wrong types, deep, huge or nearly right. */

import type { Random } from "./random.ts";
import { withSchema } from "./schemas.ts";

/** Requests that would be right, by path. */
const examples: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "/v1/chat/completions": {
    model: "sonnet",
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hello" }] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "c1", content: "done" },
    ],
    tools: [
      { type: "function", function: { name: "f", description: "d", parameters: { type: "object", properties: {} } } },
    ],
    tool_choice: "auto",
    stream: false,
    max_tokens: 10,
    temperature: 1,
    stop: ["x"],
    response_format: { type: "text" },
  },
  "/v1/messages": {
    model: "sonnet",
    max_tokens: 10,
    system: [{ type: "text", text: "Be brief." }],
    messages: [
      { role: "user", content: "Hello" },
      { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "f", input: {} }] },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "c1", content: [{ type: "text", text: "done" }] }],
      },
    ],
    tools: [{ name: "f", description: "d", input_schema: { type: "object", properties: {} } }],
    thinking: { type: "disabled" },
    stop_sequences: ["x"],
    metadata: { user_id: "u" },
  },
  "/v1/responses": {
    model: "sonnet",
    instructions: "Be brief.",
    input: [
      { role: "user", content: [{ type: "input_text", text: "Hello" }] },
      { type: "function_call", call_id: "c1", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "c1", output: "done" },
    ],
    tools: [
      { type: "function", name: "f", description: "d", parameters: { type: "object", properties: {} }, strict: false },
    ],
    store: false,
    reasoning: { effort: "low" },
    text: { format: { type: "text" } },
  },
};
const settings = { timeout: 40_000, maxConcurrent: 4, maxPromptChars: 20_000, cacheTTL: 1_000 };
const others: Readonly<Record<string, unknown>>[] = [
  settings,
  { name: "laptop", expiresAt: null },
  { daily: 1, weekly: null, monthly: 3 },
];

/** A body for a path, and mostly for what the path takes. */
export function bodyOf(random: Random, path: string): Buffer {
  const example = examples[path.replace("/count_tokens", "")] ?? random.pick([...Object.values(examples), ...others]);
  const right = JSON.stringify(example);
  switch (random.int(11)) {
    case 0:
      return random.bytes(random.int(300));
    case 1:
      return Buffer.from(right.slice(0, random.int(right.length)));
    case 2:
      return scratched(random, Buffer.from(right));
    case 3:
      return Buffer.from(JSON.stringify(anyValue(random, 4)) ?? "");
    case 4:
      return deep(random, example);
    case 5:
      return huge(random, example);
    case 6:
      return Buffer.from(JSON.stringify(withSchema(random, path.replace("/count_tokens", ""), example)));
    default:
      return Buffer.from(JSON.stringify(changed(random, example)));
  }
}

/** A few bytes are others. */
function scratched(random: Random, bytes: Buffer): Buffer {
  for (let times = 1 + random.int(4); times > 0; times--) bytes[random.int(bytes.length)] = random.int(256);
  return bytes;
}

/**
 * One to three values somewhere in it are others, so that it is refused only far in. Mostly a wrong parameter stands
 * at its end, since what is right after all costs a process.
 */
function changed(random: Random, example: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy = structuredClone(example) as Record<string, unknown>;
  for (let times = 1 + random.int(3); times > 0; times--) change(random, copy);
  if (random.chance(0.97)) {
    const messages = random.pick(["messages", "input", "tools"]);
    copy[messages] = [...(Array.isArray(copy[messages]) ? copy[messages] : []), anyValue(random, 1)];
    copy.n = random.pick([2, "x", -1]);
    copy.max_tokens = random.pick(["many", -5, {}]);
    copy.max_output_tokens = copy.max_tokens;
  }
  return copy;
}

function change(random: Random, value: Record<string, unknown> | unknown[]): void {
  const keys = Object.keys(value);
  const key = random.chance(0.1) || keys.length === 0 ? random.pick(names) : random.pick(keys);
  const inner = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : null;
  if (typeof inner === "object" && inner !== null && random.chance(0.7))
    change(random, inner as Record<string, unknown>);
  else if (random.chance(0.2)) Reflect.deleteProperty(value, key);
  else if (!Array.isArray(value) || key !== "length") put(value, key, anyValue(random, 3));
}

/** As a member of its own, also where assigning would change the object's prototype. */
function put(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

const names = [
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "", "length", "0", "-1", "type", "role", "content"],
  ...[
    "session_id",
    "cache_control",
    "functions",
    "function_call",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
  ],
];

/** Any JSON value, at most this deep. */
function anyValue(random: Random, depth: number): unknown {
  switch (random.int(depth > 0 ? 9 : 7)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick([0, -1, 1.5, 2 ** 53, 1e308, -1e-7, 256, 65_536, Number.NaN]);
    case 3:
      return random.text(40);
    case 4:
      return random.pick([
        "user",
        "assistant",
        "text",
        "image_url",
        "function",
        "auto",
        "sonnet",
        "data:image/png;base64,AAAA",
      ]);
    case 5:
      return random.pick([
        "[[demo {}]]",
        "{}",
        "[",
        "1e999",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
      ]);
    case 6:
      return "x".repeat(random.int(2_000));
    case 7:
      return Array.from({ length: random.int(4) }, () => anyValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.int(4) }, () => [random.pick(names), anyValue(random, depth - 1)]),
      );
  }
}

/** Thousands of brackets, alone or where a value belongs. */
function deep(random: Random, example: Readonly<Record<string, unknown>>): Buffer {
  const depth = 10 ** (1 + random.int(4)) * (1 + random.int(5));
  const [open, close] = random.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"content":', "}]"],
  ] as const);
  const nested = open.repeat(depth) + random.pick(["1", "", '"x"']) + (random.chance(0.8) ? close.repeat(depth) : "");
  if (random.chance(0.3)) return Buffer.from(nested);
  const key = random.pick(Object.keys(example));
  return Buffer.from(JSON.stringify({ ...example, [key]: "HERE", n: 2 }).replace('"HERE"', nested));
}

/** Up to a few MB, and seldom over the largest body: one text, many members, or a number of many digits. */
function huge(random: Random, example: Readonly<Record<string, unknown>>): Buffer {
  const size = random.chance(0.02) ? 34_000_000 : random.chance(0.1) ? 2_000_000 : 40_000;
  const key = random.pick(Object.keys(example));
  const value = random.pick([
    () => JSON.stringify("x".repeat(size)),
    () => JSON.stringify("\u00e9".repeat(size / 2)),
    () => `[${"0,".repeat(size / 20)}0]`,
    () => `[${'{"role":"user"},'.repeat(size / 160)}0]`,
    () => `{${Array.from({ length: size / 200 }, (_, at) => `"k${at}":1`).join(",")}}`,
    () => "9".repeat(size / 10),
    () => JSON.stringify("\u0001\ud800".repeat(size / 20)),
  ])();
  return Buffer.from(
    JSON.stringify({ ...example, [key]: "HERE", n: 2, max_tokens: -1 }).replace('"HERE"', () => value),
  );
}
