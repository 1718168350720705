/** A CLI that writes what no version of it should: the client reads an error at once, and never the damage. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  createFakeCli,
  delta,
  ending,
  event,
  type FakeCli,
  messageStart,
  text,
  textStart,
} from "../harness/fake-cli.ts";
import { type Ocp, startOcp } from "../harness/ocp.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { ask, post, readStream, user } from "./client.ts";

const messages = [user("Hi.")];
/** An answer in the middle of which this comes. */
const amid = (...frames: unknown[]) => [messageStart, textStart, text("Hello "), ...frames, text("world"), ...ending];
const bare = { type: "stream_event", parent_tool_use_id: null };
const failed = { type: "result", subtype: "success", is_error: true, api_error_status: 429, result: "Too much." };
const limit = (info: unknown) => [{ type: "rate_limit_event", rate_limit_info: info }, failed];

describe("malformed frames (source)", () => {
  let temp: Temp;
  let cli: FakeCli;
  let ocp: Ocp;

  beforeAll(async () => {
    temp = await createTemp();
    cli = createFakeCli(temp.path);
    ocp = await startOcp({ target: "source", env: { CLAUDE_BIN: cli.bin, CLAUDE_TIMEOUT: "20000" } });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await temp.remove();
  });

  /** The answer as a stream, and all that the client read of it. */
  async function streamed() {
    const response = await post(ocp, { messages, stream: true, stream_options: { include_usage: true } });
    const raw = await response.clone().text();
    return { raw, answer: await readStream(response) };
  }
  const nothingDamaged = (raw: string) => {
    expect(raw).not.toContain("undefined");
    expect(raw).not.toContain("NaN");
    expect(raw).not.toMatch(/"content":"[^"]*null/);
  };

  const inMidStream = [
    { name: "no event", frame: bare },
    { name: "an event of null", frame: { ...bare, event: null } },
    { name: "no delta", frame: event({ type: "content_block_delta", index: 0 }) },
    { name: "a text_delta without text", frame: delta({ type: "text_delta" }) },
    { name: "a text_delta with a number", frame: delta({ type: "text_delta", text: 7 }) },
    { name: "a second message without one", frame: event({ type: "message_start" }) },
    { name: "a block without one", frame: event({ type: "content_block_start", index: 1 }) },
    { name: "a message's end without one", frame: event({ type: "message_delta" }) },
    { name: "a stop reason that is none", frame: event({ type: "message_delta", delta: { stop_reason: 7 } }) },
    { name: "an answer to a control request without one", frame: { type: "control_response" } },
    { name: "a control request without one", frame: { type: "control_request", request_id: "1" } },
    { name: "a bare result", frame: { type: "result", is_error: true } },
    { name: "a result of null", frame: { type: "result", is_error: true, result: null } },
  ];

  test.each(inMidStream)("$name in mid-stream is an error frame, and a 502 without a stream", async ({ frame }) => {
    cli.says(amid(frame));
    const { raw, answer } = await streamed();
    expect(answer.status).toBe(200);
    expect(answer.text).toBe("Hello ");
    expect(answer.finishReasons).toEqual([]);
    expect(answer.error.message).toMatch(/^[A-Z].*\.$/);
    expect(answer.error.code).not.toBe("timeout");
    nothingDamaged(raw);
    const { status, body } = await ask(ocp, { messages });
    expect(status).toBe(502);
    nothingDamaged(JSON.stringify(body));
  });

  const atTheBeginning = [
    { name: "no event", frames: [bare] },
    { name: "a message_start without a message", frames: [event({ type: "message_start" })] },
    {
      name: "a text block without text",
      frames: [messageStart, event({ ...textStart.event, content_block: { type: "text" } })],
    },
    { name: "a text_delta without text", frames: [messageStart, textStart, delta({ type: "text_delta" })] },
    { name: "a bare result", frames: [{ type: "result", is_error: true }] },
    { name: "a result of success, and no answer", frames: [{ type: "result" }] },
  ];

  test.each(atTheBeginning)("$name before anything else is a 502, streaming or not", async ({ frames }) => {
    cli.says(frames);
    for (const stream of [true, false]) {
      const { status, body } = await ask(ocp, { messages, stream });
      expect(status).toBe(502);
      expect(body.error.message).toBeString();
      nothingDamaged(JSON.stringify(body));
    }
  });

  const limits = [
    ...["soon", null, true, [], {}, 1e300, -1e300].map((resetsAt) => ({ status: "rejected", resetsAt })),
    { status: "rejected" },
    null,
    undefined,
    "rejected",
  ].map((info) => ({ name: JSON.stringify(info) ?? "nothing", info }));

  test.each(limits)("a limit that says $name is a 429 with a short pause", async ({ info }) => {
    cli.says(limit(info));
    const { status, headers, body } = await ask(ocp, { messages });
    expect(status).toBe(429);
    expect(headers.get("retry-after")).toBe("20");
    expect(body.error.message).toContain("Too much.");
    expect(body.error.message).not.toMatch(/reset|Invalid|1970/);
  });

  const harmless = [
    { name: "thinking_tokens without a figure", frame: { type: "system", subtype: "thinking_tokens" } },
    { name: "a delta of a block that is not open", frame: event({ ...text("NO").event, index: 7 }) },
    { name: "usage of null", frame: event({ type: "message_delta", delta: { stop_reason: null }, usage: null }) },
    { name: "null", frame: "null" },
    { name: "a list", frame: "[]" },
    { name: "half a frame", frame: '{"type":"stream_event","eve' },
    { name: "an empty frame", frame: {} },
    { name: "a frame of an unknown type", frame: { type: "of_tomorrow" } },
    { name: "an unknown delta", frame: delta({ type: "delta_of_tomorrow" }) },
    { name: "a thinking_delta without thinking", frame: delta({ type: "thinking_delta" }) },
    { name: "a signature_delta without a signature", frame: delta({ type: "signature_delta" }) },
  ];

  test.each(harmless)("$name is passed over", async ({ frame }) => {
    cli.says(amid(frame));
    const { raw, answer } = await streamed();
    expect(answer.text).toBe("Hello world");
    expect(answer.finishReasons).toEqual(["stop"]);
    expect(answer.error).toBeUndefined();
    expect(answer.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 5 });
    expect(answer.usage.completion_tokens_details.reasoning_tokens).toBe(0);
    nothingDamaged(raw);
  });

  test("no process is left of all this, and the log holds no stack of it", async () => {
    await waitUntilNobodyAtHome(`${ocp.home}/.ocp`);
    const { concurrency } = (await (await fetch(`${ocp.url}/health`)).json()) as any;
    expect(concurrency).toMatchObject({ inflight: 0, queued: 0 });
    expect(ocp.stderr()).not.toContain(" error ");
  });
});
