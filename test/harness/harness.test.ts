/** The harness itself: what it shields tests from, and that it sees processes come and go. */

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { anyCliVersions, claudeBinary } from "./claude.ts";
import { testEnv } from "./env.ts";
import { descendants, isAlive, openFiles, processesAtHome, waitUntil, waitUntilNobodyAtHome } from "./processes.ts";
import { createTemp } from "./temp.ts";

test("a process under test gets nothing of the machine's environment but PATH and the language", async () => {
  await using temp = await createTemp();
  const env = testEnv(temp.home, { EXTRA: "1", LANG: undefined });
  expect(env).toEqual({
    PATH: process.env.PATH ?? "",
    HOME: temp.home,
    TMPDIR: `${temp.home}/tmp`,
    NODE_ENV: "test",
    EXTRA: "1",
  });
  expect(existsSync(env.TMPDIR ?? "")).toBe(true);
});

test("a temporary directory is gone when its scope ends", async () => {
  let path = "";
  {
    await using temp = await createTemp();
    path = temp.path;
    await Bun.write(`${temp.home}/deep/file`, "x");
    expect(existsSync(path)).toBe(true);
  }
  expect(existsSync(path)).toBe(false);
});

test.each(anyCliVersions)("the %s CLI is found by its version", async (version) => {
  await using temp = await createTemp();
  const child = Bun.spawn([claudeBinary(version), "--version"], { env: testEnv(temp.home), stdout: "pipe" });
  const [said = "nothing"] = (await child.stdout.text()).split(" ");
  const { devDependencies } = await Bun.file(`${import.meta.dir}/../../package.json`).json();
  const pinned = { newest: "@anthropic-ai/claude-code", exact: "claude-code-exact", oldest: "claude-code-oldest" }[
    version
  ];
  expect(devDependencies[pinned]).toEndWith(said);
});

describe("the process table", () => {
  test("shows descendants and who lives in a home, until they end", async () => {
    await using temp = await createTemp();
    await using other = await createTemp();
    // The shell waits for its child, so there are two generations.
    const child = Bun.spawn(["sh", "-c", "sleep 300 & wait"], { env: testEnv(temp.home) });
    const [sleeper] = await waitUntil("the grandchild runs", () => {
      const found = descendants(child.pid).filter(({ command }) => command === "sleep 300");
      return found.length === 1 && found;
    });
    expect(
      processesAtHome(temp.home)
        .map(({ pid }) => pid)
        .sort(),
    ).toEqual([child.pid, sleeper!.pid].sort());
    expect(processesAtHome(other.home)).toEqual([]);
    expect(openFiles(child.pid)).toBeGreaterThanOrEqual(3);

    child.kill("SIGKILL");
    await child.exited;
    expect(isAlive(child.pid)).toBe(false);
    // The orphan is no descendant any more, but still at home.
    expect(processesAtHome(temp.home).map(({ pid }) => pid)).toEqual([sleeper!.pid]);
    process.kill(sleeper!.pid, "SIGKILL");
    await waitUntilNobodyAtHome(temp.home);
  });

  test("says what did not happen in time", async () => {
    const outcome = waitUntil("pigs fly", () => false, 30).catch((error: Error) => error.message);
    expect(await outcome).toBe("Not within 30 ms: pigs fly");
  });
});
