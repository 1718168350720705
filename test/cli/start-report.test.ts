/** The text that greets whoever starts the server. */

import { describe, expect, test } from "bun:test";
import { startReport } from "../../src/cli/start-report.ts";
import { rendered } from "../../src/cli/style.ts";
import { loadConfig } from "../../src/config/load.ts";

const url = "http://127.0.0.1:3456";
const report = [
  { label: "claude", value: "2.1.330" },
  { label: "login", value: "none: run `claude` once", problem: true },
];

function say(env: Record<string, string> = {}, demo = false): string {
  const config = loadConfig(env, {}, { memory: 1e10 });
  return rendered(startReport({ url, report }, config, { demo, version: "9.9.9" }), false);
}

test("says where it listens and what it found, problems marked", () => {
  expect(say()).toContain(`OCP 9.9.9 is listening on ${url}\n`);
  expect(say()).toContain("\n  claude  2.1.330\n! login   none: run `claude` once\n");
});

test("the request to paste carries the shared key by name only", () => {
  expect(say()).not.toContain("Authorization");
  const shared = say({ PROXY_API_KEY: "12345678" });
  expect(shared).toContain('-H "Authorization: Bearer $PROXY_API_KEY"');
  expect(shared).not.toContain("12345678");
});

test("the request to paste is a shell command that sends valid JSON", async () => {
  const command = say()
    .split("\n")
    .find((line) => line.startsWith("  curl "))!;
  const shell = Bun.spawn(["sh", "-c", `curl() { for last; do :; done; printf %s "$last"; }; ${command}`], { env: {} });
  expect(JSON.parse(await shell.stdout.text())).toMatchObject({ model: "sonnet", messages: [{ role: "user" }] });
});

test("a simulated answer is announced", () => {
  expect(say({}, true)).toContain("simulated");
  expect(say({}, false)).not.toContain("simulated");
});

describe("the warning about an open address", () => {
  test.each(["0.0.0.0", "::", "192.168.1.5", "myhost"])("comes for %s", (bind) => {
    expect(say({ CLAUDE_BIND: bind })).toContain("Set PROXY_API_KEY");
    expect(say({ CLAUDE_BIND: bind, PROXY_API_KEY: "12345678" })).not.toContain("Set PROXY_API_KEY");
  });
  test.each(["127.0.0.1", "127.5.5.5", "::1", "localhost"])("does not come for %s", (bind) => {
    expect(say({ CLAUDE_BIND: bind })).not.toContain("Set PROXY_API_KEY");
  });
});
