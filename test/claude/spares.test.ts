/** Booted processes that wait for a conversation: used once, refilled, and nothing of one login or model in another. */

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claudeBinary, cliVersions } from "../harness/claude.ts";
import { isAlive, processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import {
  called,
  calls,
  drive,
  result,
  resultsUpstream,
  said,
  saidUpstream,
  sessionsOf,
  text,
  tool,
  toolbox,
  user,
} from "./engine.ts";

const hour = 3_600_000;

const tools = { toolbox: toolbox(tool("read_file")) };

describe.each(cliVersions)("spares (%s)", (cli) => {
  /** An engine that has answered once, so that a spare is there. */
  const warm = async () => {
    const driven = await drive(cli, { spares: 1 });
    driven.script("Fine.");
    await driven.turn([user("warm")]);
    const [spare] = await driven.spares(1);
    return Object.assign(driven, { spare: spare! });
  };

  test("a spare answers a new conversation once, and another one is booted behind it", async () => {
    await using driven = await warm();
    const { spare } = driven;
    expect(await driven.turn([user("hi")])).toMatchObject({ path: "spare", content: [text("Fine.")] });
    expect(driven.held().map(({ pid }) => pid)).toContain(spare);
    const [next] = await driven.spares(1);
    expect(next).not.toBe(spare);
    expect(driven.upstream()).toHaveLength(2);
    expect(sessionsOf(driven.upstream()).size).toBe(2);
  });

  test("the first answer of another conversation has all of the request: prompt, tools, effort, parameters and history", async () => {
    await using driven = await warm();
    driven.script(called("toolu_2"), "Done.");
    const messages = [
      user("Do it."),
      { role: "assistant" as const, content: [text("I look."), called("toolu_1") as never] },
      user(result("toolu_1", "content", { is_error: true })),
    ];
    const change = {
      ...tools,
      system: "Be a pirate.",
      sampling: { maxTokens: 4321, temperature: 0.25, stop: ["END"], effort: "low" as const },
    };
    const answer = await driven.turn(messages, change);
    expect(answer.path).toBe(cli === "newest" ? "resumed" : "spare");
    expect(calls(answer)).toHaveLength(1);
    const body = driven.upstream()[1];
    expect(body).toMatchObject({
      max_tokens: 4321,
      temperature: 0.25,
      stop_sequences: ["END"],
      output_config: { effort: "low" },
      tools: [{ name: "read_file" }],
    });
    expect(body.system.at(-1).text).toBe("Be a pirate.");
    expect(saidUpstream(body)).toEqual(["user: Do it.", "assistant: I look.", "user: content"]);
    expect(resultsUpstream(body)).toMatchObject([{ tool_use_id: "toolu_1", is_error: true }]);
    const next = [...messages, said(answer), user(result("toolu_2", "more"))];
    expect(await driven.turn(next, change)).toMatchObject({ path: "parked", content: [text("Done.")] });
    expect(driven.upstream()).toHaveLength(3);
  });

  test("another model gets a spare where the CLI binds it late, without a trace; else one of its own", async () => {
    await using driven = await warm();
    const opus = { model: "claude-opus-4-8" };
    const answer = await driven.turn([user("hi")], opus);
    expect(answer.path).toBe(cli === "newest" ? "spare" : "new");
    const bodies = driven.upstream();
    expect(bodies.map(({ model }) => model)).toEqual(["claude-sonnet-4-6", "claude-opus-4-8"]);
    expect(JSON.stringify(bodies[1].messages)).not.toContain("/model");
    expect(JSON.stringify(bodies[1].messages)).not.toContain("command-name");
    expect(saidUpstream(bodies[1])).toEqual(["user: hi"]);
    if (cli === "newest") return;
    await waitUntil("the spare is of the model that is in use", () =>
      processesAtHome(driven.home).some(
        ({ pid, command }) =>
          command.includes("--model claude-opus-4-8") && !driven.held().some((each) => each.pid === pid),
      ),
    );
    await driven.spares(1);
    expect((await driven.turn([user("ho")], opus)).path).toBe("spare");
    expect(driven.upstream()[2].model).toBe("claude-opus-4-8");
  });

  test("a spare that dies is replaced without a request", async () => {
    await using driven = await warm();
    const { spare } = driven;
    process.kill(spare, "SIGKILL");
    await driven.spares(0);
    const [next] = await driven.spares(1);
    expect(next).not.toBe(spare);
    expect(driven.upstream()).toHaveLength(1);
  });
});

test("spares are booted only once somebody has asked, and never more than wanted", async () => {
  await using driven = await drive("newest", { spares: 2 });
  expect((await driven.engine.status()).processes.spare).toBe(0);
  driven.script("Fine.");
  await driven.turn([user("hi")]);
  const spares = await driven.spares(2);
  expect(spares).toHaveLength(2);
  await driven.engine.close(0);
  expect(spares.some(isAlive)).toBe(false);
});

test("without spares none is booted", async () => {
  await using driven = await drive("newest", { spares: 0 });
  driven.script("Fine.");
  for (const words of ["one", "two"]) expect((await driven.turn([user(words)])).path).toBe("new");
  expect(await driven.spares(0)).toEqual([]);
});

test("a CLI that fails to boot is tried less and less often", async () => {
  await using temp = await createTemp();
  const log = join(temp.path, "boots");
  const broken = join(temp.path, "broken");
  const claude = join(temp.path, "claude");
  writeFileSync(log, "");
  writeFileSync(
    claude,
    `#!/bin/sh\n[ "$1" = --version ] || echo boot >> ${log}\n[ -e ${broken} ] && exit 1\nexec ${claudeBinary()} "$@"\n`,
  );
  chmodSync(claude, 0o755);
  const boots = () => readFileSync(log, "utf8").split("\n").length - 1;
  await using driven = await drive("newest", { spares: 1, claudeBin: claude });
  driven.script("Fine.");
  const first = await driven.turn([user("hi")]);
  const [spare] = await driven.spares(1);
  expect(boots()).toBe(2);
  writeFileSync(broken, "");
  process.kill(spare!, "SIGKILL");
  await waitUntil("it was tried again", () => boots() === 3, 10_000);
  const at = performance.now();
  await waitUntil("it was tried once more", () => boots() === 4, 10_000);
  expect(performance.now() - at).toBeGreaterThan(3_000);
  const next = await driven.turn([user("hi"), said(first), user("again")]);
  expect(next).toMatchObject({ path: "live", content: [text("Fine.")] });
}, 30_000);

test("a spare is never handed to another login", async () => {
  await using temp = await createTemp();
  const claudeConfig = join(temp.home, ".claude");
  mkdirSync(claudeConfig);
  const login = (accessToken: string) =>
    writeFileSync(
      join(claudeConfig, ".credentials.json"),
      JSON.stringify({ claudeAiOauth: { accessToken, expiresAt: Date.now() + hour } }),
    );
  login("sk-ant-oat01-first");
  const paths = { home: temp.home, spawnHome: join(temp.home, "spawn"), claudeConfig };
  await using driven = await drive("newest", { spares: 1, oauthToken: undefined, paths });
  driven.script("Fine.");
  await driven.turn([user("one")]);
  await driven.spares(1);
  login("sk-ant-oat01-second");
  expect((await driven.turn([user("two")])).path).toBe("new");
  await driven.spares(1);
  expect((await driven.turn([user("three")])).path).toBe("spare");
  const tokens = driven.simulator.requests
    .filter(({ path }) => path === "/v1/messages")
    .map(({ headers }) => headers.authorization?.split("-").at(-1));
  expect(tokens).toEqual(["first", "second", "second"]);
});
