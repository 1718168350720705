/** What the log writes: one line an entry, for people on stderr and as JSON in its file, and nothing can forge one. */

import { describe, expect, test } from "bun:test";
import { openLog } from "./fixture.ts";

test("an entry is a line on stderr, and a line of JSON in the file", async () => {
  await using opened = await openLog();
  opened.log.info("request", { requestId: "req_1", path: "/v1/models", ms: 12, none: undefined, agent: "a=1 b" });
  expect(opened.said()).toBe(
    '2026-01-02T03:04:05.678Z info request requestId=req_1 path=/v1/models ms=12 agent="a=1 b"\n',
  );
  expect(opened.written()).toBe(
    '{"time":"2026-01-02T03:04:05.678Z","level":"info","message":"request","requestId":"req_1","path":"/v1/models","ms":12,"agent":"a=1 b"}\n',
  );
});

test("an entry that is repeated is there as often", async () => {
  await using opened = await openLog();
  for (let count = 0; count < 20; count++) opened.log.info("again");
  expect(opened.said().split("\n")).toHaveLength(21);
  expect(opened.written().split("\n")).toHaveLength(21);
});

test.each([
  ["error", ["bad"]],
  ["warn", ["odd", "bad"]],
  ["info", ["usual", "odd", "bad"]],
] as const)("at the level %s it holds that and what is worse", async (level, expected) => {
  await using opened = await openLog({ level });
  opened.log.info("usual");
  opened.log.warn("odd");
  opened.log.error("bad");
  const lines = opened.written().trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).message)).toEqual([...expected]);
  expect(opened.said().trimEnd().split("\n")).toHaveLength(expected.length);
});

describe("a value that would forge a line", () => {
  const evil = [
    ["a line break", 'x\n{"level":"error","message":"forged"}'],
    ["a carriage return", "x\rforged"],
    ["an escape sequence", "\u001b[2Jforged\u001b]0;title\u0007"],
    ["a C1 control", "\u009b2Jforged\u0085next"],
    ["a line separator", "x\u2028forged\u2029"],
    ["a change of direction", "\u202egro.live\u2066"],
    ["half a character", "x\ud800forged\udc00\ud800"],
    ["a NUL", "x\u0000forged"],
  ];

  test.each(evil)("%s stays within its field", async (_, text) => {
    await using opened = await openLog();
    opened.log.warn("request", { requestId: "req_1", path: text });
    const written = opened.written();
    for (const line of [written, opened.said()]) {
      expect(line).toMatch(/^[^\n]*\n$/);
      expect(line).toMatch(/^[\x20-\x7e\n]*$/);
      expect(line).not.toMatch(/^forged/m);
    }
    expect(JSON.parse(written)).toMatchObject({ level: "warn", message: "request", requestId: "req_1", path: text });
  });

  test("a field cannot pass for the entry's own time, level or message", async () => {
    await using opened = await openLog();
    const fields = { level: "info", message: "forged", time: "never" } as never;
    opened.log.error("true", fields);
    expect(JSON.parse(opened.written())).toEqual({ time: "2026-01-02T03:04:05.678Z", level: "error", message: "true" });
  });

  test("what JSON cannot hold is written as far as it can be", async () => {
    await using opened = await openLog();
    const circle: Record<string, unknown> = { name: "round" };
    circle.self = circle;
    opened.log.info("odd", { circle, big: 12n, error: new RangeError("too far"), long: "x".repeat(10_000) });
    const entry = JSON.parse(opened.written());
    expect(entry).toMatchObject({ message: "odd", big: "12" });
    expect(entry.long).toMatch(/^x{4000}\.\.\. \(10000 characters\)$/);
  });
});

describe("a secret", () => {
  const known = 'n-"quoted\\"-secret';
  test.each([
    ["that the server knows", `before ${known} after`, "before [secret] after"],
    ["that looks like a key of this server", "key ocp_0123456789abcdef0123", "key [secret]"],
    ["that looks like a token of Anthropic's", "sk-ant-oat01-AbC_d-ef", "[secret]"],
  ])("%s is blanked, in the file and on stderr", async (_, text, shown) => {
    await using opened = await openLog({}, [known]);
    opened.log.info(`message ${text}`, { field: text, deep: { list: [text] }, error: new Error(text) });
    const entry = JSON.parse(opened.written());
    expect(entry).toMatchObject({
      message: `message ${shown}`,
      field: shown,
      deep: { list: [shown] },
      error: `Error: ${shown}`,
    });
    expect(opened.said()).not.toContain(text);
    expect(opened.said()).toContain("[secret]");
  });

  test("of a few letters cannot break the line that it is taken out of", async () => {
    await using opened = await openLog({}, ["n1234567"]);
    opened.log.info("x", { field: "\n1234567", other: "n1234567" });
    expect(JSON.parse(opened.written())).toMatchObject({ field: "\n1234567", other: "[secret]" });
  });
});
