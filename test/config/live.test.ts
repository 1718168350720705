/** What holds of a setting that is set in several places, and what of a stored one that a newer version does not take. */

import { expect, test } from "bun:test";
import { createLiveSettings } from "../../src/config/live.ts";
import { type Environment, loadSettings } from "../../src/config/load.ts";
import { shownSettings } from "../../src/config/shown.ts";

function live(stored: Record<string, string>, env: Environment = {}, flags: Environment = {}) {
  const kept = new Map(Object.entries(stored));
  const lines: Array<{ level: string; message: string; fields: unknown }> = [];
  const write = (level: string) => (message: string, fields?: unknown) => void lines.push({ level, message, fields });
  const loaded = loadSettings(env, flags, { memory: 2 ** 33 });
  const settings = createLiveSettings(
    loaded,
    { all: () => kept, set: (name, value) => kept.set(name, value), unset: (name) => kept.delete(name) },
    { info: write("info"), warn: write("warn"), error: write("error") },
  );
  return { settings, config: settings.config, kept, lines };
}

test("a stored value holds over the default, the environment over it, and a flag over all", () => {
  const stored = { timeout: "60000", maxQueue: "3", maxPromptChars: "20000", imageAllowUrl: "true" };
  const { settings, lines } = live(stored, { CLAUDE_MAX_QUEUE: "5", CLAUDE_TIMEOUT: "7000" }, { timeout: "8000" });
  expect(settings.list()).toMatchObject({
    timeout: { value: 8_000, source: "flag" },
    maxQueue: { value: 5, source: "environment", env: "CLAUDE_MAX_QUEUE" },
    maxPromptChars: { value: 20_000, source: "stored" },
    imageAllowUrl: { value: true, source: "stored" },
    maxConcurrent: { value: 8, source: "default" },
  });
  expect(lines.map(({ level, fields }) => ({ level, fields }))).toEqual([
    { level: "info", fields: { setting: "timeout", by: "--timeout" } },
    { level: "info", fields: { setting: "maxQueue", by: "CLAUDE_MAX_QUEUE" } },
  ]);
});

test.each([
  ["out of range", { timeout: "29999" }, "timeout"],
  ["no number", { maxConcurrent: "many" }, "maxConcurrent"],
  ["of a setting that only the start sets", { port: "1" }, "port"],
  ["of a secret", { proxyApiKey: "stored-secret" }, "proxyApiKey"],
  ["of a setting that is unknown", { firstByteTimeout: "1" }, "firstByteTimeout"],
  ["of no name", { constructor: "1" }, "constructor"],
])("a stored value %s is left alone, and the log says so", (_, stored, setting) => {
  const { config, lines, kept } = live(stored);
  expect(config).toEqual(loadSettings({}, {}, { memory: 2 ** 33 }).config);
  expect(lines).toEqual([expect.objectContaining({ level: "warn", fields: expect.objectContaining({ setting }) })]);
  expect(JSON.stringify(lines)).not.toContain("stored-secret");
  expect([...kept.keys()]).toEqual([setting]);
});

test("a change is stored before it holds, and what cannot be stored does not hold", () => {
  const loaded = loadSettings({}, {}, { memory: 2 ** 33 });
  const full = () => {
    throw new Error("database or disk is full");
  };
  const log = { info() {}, warn() {}, error() {} };
  const settings = createLiveSettings(loaded, { all: () => new Map(), set: full, unset: full }, log);
  let changes = 0;
  settings.onChange(() => changes++);
  expect(() => settings.change("timeout", 60_000)).toThrow("could not be stored");
  expect(() => settings.change("timeout", null)).toThrow("could not be stored");
  expect(settings.config.timeout).toBe(600_000);
  expect(settings.list().timeout?.source).toBe("default");
  expect(changes).toBe(0);
});

test("whoever wants to know is told after each change", () => {
  const { settings, kept } = live({});
  const seen: number[] = [];
  settings.onChange(() => seen.push(settings.config.maxConcurrent));
  settings.change("maxConcurrent", 3);
  expect([...kept]).toEqual([["maxConcurrent", "3"]]);
  settings.change("maxConcurrent", null);
  expect([...kept]).toEqual([]);
  expect(seen).toEqual([3, 8]);
});

test("what was set at the start is shown, but no secret and no prompt", () => {
  const env = {
    PROXY_API_KEY: "0123456789",
    CLAUDE_SYSTEM_PROMPT: "Speak like a pirate.",
    CLAUDE_MAX_QUEUE: "5",
    CLAUDE_ALLOWED_TOOLS: "Read,Grep",
  };
  expect(shownSettings(loadSettings(env, { port: "0" }, { memory: 2 ** 33 }))).toEqual({
    CLAUDE_PROXY_PORT: 0,
    PROXY_API_KEY: "set",
    CLAUDE_SYSTEM_PROMPT: "set",
    CLAUDE_ALLOWED_TOOLS: ["Read", "Grep"],
    CLAUDE_MAX_QUEUE: 5,
  });
});
