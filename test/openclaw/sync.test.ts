/** OpenClaw's configuration and our provider in it: only our own entries change, and only when they must. */

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import { testEnv } from "../harness/env.ts";
import { ocpCommand, type Target, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";

async function home(text: string | null) {
  const temp = await createTemp();
  const directory = join(temp.home, ".openclaw");
  const file = join(directory, "openclaw.json");
  if (text !== null) {
    mkdirSync(directory);
    writeFileSync(file, text);
  }
  const run = async (target: Target, args: string[] = [], env: Record<string, string> = {}) => {
    const child = Bun.spawn([...ocpCommand(target), "openclaw", "sync", ...args], {
      env: testEnv(temp.home, env),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, stdout, stderr };
  };
  return { temp, directory, file, run, read: () => readFileSync(file, "utf8") };
}

const theirs = `{
\t// mine
\t"models": {
\t\t"providers": {"other": {"baseUrl": "https://example.org", "models": []}},
\t},
\t"agents": {"defaults": {"models": {
\t\t"other/x": {"alias": "sonnet"},
\t\t"claude-local/gone": {"alias": "old"},
\t}}}, // and this
}
`;

describe.each(targets())("ocp openclaw sync (%s)", (target) => {
  test("writes our provider, keeps all that is not ours, and a copy", async () => {
    const { temp, directory, read, run } = await home(theirs);
    await using _ = temp;
    const { code, stdout, stderr } = await run(target, ["--json"], { CLAUDE_PROXY_PORT: "4000" });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { backup } = JSON.parse(stdout);
    expect(readFileSync(backup, "utf8")).toBe(theirs);
    const text = read();
    for (const line of ["// mine", "// and this", '"other": {"baseUrl": "https://example.org", "models": []}'])
      expect(text).toContain(line);
    const found = parse(text, [], { allowTrailingComma: true });
    expect(found.models.mode).toBe("merge");
    expect(found.models.providers["claude-local"]).toMatchObject({
      baseUrl: "http://127.0.0.1:4000/v1",
      apiKey: "none",
      api: "openai-completions",
    });
    expect(found.models.providers["claude-local"].models).toContainEqual(
      expect.objectContaining({
        id: "claude-sonnet-5-5",
        input: ["text", "image"],
        contextWindow: 1_000_000,
        maxTokens: 128_000,
      }),
    );
    const aliases = found.agents.defaults.models;
    expect(aliases["claude-local/gone"]).toBeUndefined();
    expect(aliases["other/x"]).toEqual({ alias: "sonnet" });
    // Another provider's model has that alias already.
    expect(aliases["claude-local/claude-sonnet-5-5"]).toBeUndefined();
    expect(aliases["claude-local/claude-opus-5-5"]).toEqual({ alias: "opus" });

    expect((await run(target, ["--quiet"], { CLAUDE_PROXY_PORT: "4000" })).stdout).toBe("");
    expect(read()).toBe(text);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test("changes only what is out of step, not the key", async () => {
    const { temp, file, read, run } = await home("{}");
    await using _ = temp;
    await run(target, ["--key", "ocp_mine"]);
    const before = read();
    writeFileSync(file, before.replace('"maxTokens": 128000', '"maxTokens": 4096'));
    expect((await run(target, ["--dry-run"])).stdout).toContain("not those of this version");
    expect(read()).not.toBe(before);
    await run(target);
    expect(read()).toBe(before);
    expect(before).toContain('"apiKey": "ocp_mine"');
  });

  test("makes no provider without a key where the server asks each for one", async () => {
    const { temp, read, run } = await home("{}");
    await using _ = temp;
    expect(await run(target, [], { CLAUDE_AUTH_MODE: "multi" })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("--key KEY"),
    });
    expect(read()).toBe("{}");
    await run(target, [], { PROXY_API_KEY: "a-shared-key" });
    expect(read()).toContain('"apiKey": "a-shared-key"');
  });

  test("keeps a byte order mark, and the ends of lines", async () => {
    const { temp, read, run } = await home('\uFEFF{\r\n  "a": 1\r\n}\r\n');
    await using _ = temp;
    expect((await run(target)).code).toBe(0);
    expect(read()).toStartWith('\uFEFF{\r\n  "a": 1,\r\n  "models": {\r\n    "providers": {\r\n');
    expect(read().replaceAll("\r\n", "")).not.toContain("\n");
    expect((await run(target, ["--quiet"])).stdout).toBe("");
  });

  test("follows a link, and keeps the mode", async () => {
    const { temp, directory, file, run } = await home(null);
    await using _ = temp;
    mkdirSync(directory);
    const real = join(temp.path, "real.json");
    writeFileSync(real, "{}");
    chmodSync(real, 0o640);
    symlinkSync(real, file);
    await run(target);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toContain("claude-local");
    expect(statSync(real).mode & 0o777).toBe(0o640);
  });

  test.each(["not json", "[]", '{"a": "cut o'])("leaves %j alone and says so", async (text) => {
    const { temp, directory, read, run } = await home(text);
    await using _ = temp;
    const { code, stdout, stderr } = await run(target);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(", so it is left alone");
    expect(read()).toBe(text);
    expect(readdirSync(directory)).toEqual(["openclaw.json"]);
  });

  test("does nothing where OpenClaw is not", async () => {
    const { temp, directory, run } = await home(null);
    await using _ = temp;
    expect(await run(target)).toEqual({ code: 0, stdout: "OpenClaw is not on this machine.\n", stderr: "" });
    expect((await run(target, ["--quiet"])).stdout).toBe("");
    expect(existsSync(directory)).toBe(false);
  });
});
