/** How long processes that wait may stay, how many of them, and what ends them. */

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Message } from "../../src/core/conversation.ts";
import { isAlive, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { called, type Driven, drive, result, said, text, tool, toolbox, user } from "./engine.ts";

const MiB = 1024 * 1024;
const hour = 3_600_000;
const pids = ({ held }: Driven) => held().map(({ pid }) => pid!);

/** A first turn, and what the next one is asked with. */
async function begin(driven: Driven, words: string): Promise<Message[]> {
  driven.script("Fine.");
  return [user(words), said(await driven.turn([user(words)])), user("again")];
}

test("a conversation that is not continued loses its process after the time that sessions have", async () => {
  await using driven = await drive("newest", { sessionTtl: 400 });
  const next = await begin(driven, "one");
  const [pid] = pids(driven);
  await waitUntil("the process is gone", () => pids(driven).length === 0 && !isAlive(pid!));
  expect(await driven.turn(next)).toMatchObject({ path: "resumed", content: [text("Fine.")] });
});

test("of more conversations than may wait the least recently used one goes", async () => {
  await using driven = await drive("newest", { liveMax: 2 });
  const one = await begin(driven, "one");
  const two = await begin(driven, "two");
  expect((await driven.turn(one)).path).toBe("live");
  const before = pids(driven);
  const three = await begin(driven, "three");
  expect(driven.held()).toHaveLength(2);
  await waitUntil("the process is gone", () => before.filter(isAlive).length === 1);
  expect((await driven.turn(three)).path).toBe("live");
  expect((await driven.turn(two)).path).toBe("resumed");
});

test("where memory is short, idle conversations make place and no turn is refused", async () => {
  await using driven = await drive("newest", { memoryMax: (70 + 2 * 170) * MiB });
  const one = await begin(driven, "one");
  const two = await begin(driven, "two");
  await begin(driven, "three");
  expect(driven.held()).toHaveLength(2);
  expect((await driven.engine.status()).memory.estimate).toBeLessThanOrEqual((70 + 2 * 170) * MiB);
  expect((await driven.turn(two)).path).toBe("live");
  expect((await driven.turn(one)).path).toBe("resumed");
});

test("where memory is short, spares make place before any conversation does", async () => {
  await using driven = await drive("newest", { memoryMax: (70 + 2 * 170 + 105) * MiB, spares: 1 });
  const first = await begin(driven, "one");
  await driven.spares(1);
  driven.script({ blocks: [{ type: "text", text: ["a", "b"] }], paceMs: 300 });
  const both = [driven.turn([user("two")]), driven.turn([user("three")])];
  expect((await Promise.all(both)).map(({ path }) => path).sort()).toEqual(["new", "spare"]);
  expect((await driven.engine.status()).memory.estimate).toBeLessThanOrEqual((70 + 2 * 170 + 105) * MiB);
  expect(first).toHaveLength(3);
});

test("without memory for any of them a turn still runs", async () => {
  await using driven = await drive("newest", { memoryMax: 1, spares: 2 });
  const next = await begin(driven, "one");
  expect(driven.engine.hasRoom(0)).toBe(true);
  expect((await driven.turn(next)).content).toEqual([text("Fine.")]);
  expect((await driven.engine.status()).processes.spare).toBe(0);
});

test("a login that was replaced ends what waits with the old one", async () => {
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
  await using driven = await drive("newest", { oauthToken: undefined, paths });
  const tools = { toolbox: toolbox(tool("read_file")) };
  driven.script(called("toolu_1"), "One.", "Two.", "Done.");
  const call = await driven.turn([user("call")], tools);
  const one = await driven.turn([user("one")]);
  const old = pids(driven);
  login("sk-ant-oat01-second");
  expect((await driven.turn([user("one"), said(one), user("again")])).path).toBe("resumed");
  await waitUntil("the old processes are gone", () => !old.some(isAlive));
  const after = await driven.turn([user("call"), said(call), user(result("toolu_1", "content"))], tools);
  expect(after).toMatchObject({ path: "resumed", content: [text("Done.")] });
  const tokens = driven.simulator.requests
    .filter(({ path }) => path === "/v1/messages")
    .map(({ headers }) => headers.authorization);
  expect(tokens.map((each) => each?.split("-").at(-1))).toEqual(["first", "first", "second", "second"]);
});
