/** What an engine on the real CLI knows of the plan after its turns, without asking anybody. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PlanStatus } from "../../src/core/plan.ts";
import type { Limits } from "../../src/demo/script.ts";
import { hour, login } from "../chat/login.ts";
import { cliVersions } from "../harness/claude.ts";
import { waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { called, type Driven, drive, tool, toolbox, user } from "./engine.ts";

const soon = Math.floor(Date.now() / 1000) + 7_200;
const later = soon + 300_000;
const allowed: Limits = {
  status: "allowed",
  fiveHour: { utilization: 0.21, resetsAt: soon },
  sevenDay: { utilization: 0.42, resetsAt: later },
};
const rejected: Limits = {
  ...allowed,
  status: "rejected",
  fiveHour: { utilization: 1, resetsAt: soon, status: "rejected" },
};

/** As soon as anything is known: it comes right after an answer's end. */
const plan = ({ engine }: Pick<Driven, "engine">) =>
  waitUntil<PlanStatus>("something is known of the plan", async () => {
    const status = await engine.plan();
    return status.at !== null && status;
  });

const sharesOf = ({ windows }: PlanStatus) => windows.map(({ name, utilization }) => [name, utilization]);
const both = [
  ["five_hour", 0.21],
  ["seven_day", 0.42],
];

describe("after one turn, everything is known", () => {
  test("of a process that lives on", async () => {
    await using driven = await drive();
    expect(await driven.engine.plan()).toMatchObject({ windows: [], at: null, source: null, state: "unknown" });
    driven.script({ blocks: ["Hello."], limits: allowed });
    await driven.turn([user("Hi.")]);
    expect(await plan(driven)).toMatchObject({ state: "allowed", claim: "five_hour", source: "rate_limit_event" });
    expect(sharesOf(await plan(driven))).toEqual(both);
    expect((await driven.engine.status()).processes.live).toBe(1);
  });

  const spent = [
    ["none is kept", { liveMax: 0 }, {}, "Hello."],
    ["the answer was JSON", {}, { output: { name: "answer", schema: { type: "object" } } }, called("c", "answer", {})],
    ["the answer was a call and none is kept", { liveMax: 0 }, { toolbox: toolbox(tool("read_file")) }, called("c")],
  ] as const;
  test.each(spent)("of a process that goes, since %s", async (_why, options, change, block) => {
    await using driven = await drive("newest", options);
    driven.simulator.play(({ body }) => {
      const offered = (body?.tools as Array<{ name: string }> | undefined)?.[0]?.name;
      return {
        blocks: [typeof block === "string" ? block : { ...block, name: offered ?? block.name }],
        limits: allowed,
      };
    });
    await driven.turn([user("Hi.")], change as never);
    expect(sharesOf(await plan(driven))).toEqual(both);
    expect(await driven.engine.status()).toMatchObject({ processes: { running: 0, parked: 0, live: 0 } });
    expect(driven.upstream()).toHaveLength(1);
  });

  test("of a turn with tools of this host", async () => {
    await using driven = await drive("newest", {
      hostTools: { allowed: ["Read"], mcpConfig: undefined, skipPermissions: false, keys: [] },
    });
    driven.script({ blocks: ["Hello."], limits: allowed });
    await driven.turn([user("Hi.")], {}, "local");
    expect(sharesOf(await plan(driven))).toEqual(both);
  });

  test.each(cliVersions)("in the owner's home, with the subscription, also of the %s CLI", async (version) => {
    await using temp = await createTemp();
    const paths = {
      home: temp.home,
      spawnHome: join(temp.home, "spawn-home"),
      claudeConfig: join(temp.home, ".claude"),
    };
    mkdirSync(paths.claudeConfig);
    writeFileSync(join(paths.claudeConfig, ".credentials.json"), login("sk-ant-oat01-file", Date.now() + hour));
    await using driven = await drive(version, { spawnRealHome: true, oauthToken: undefined, paths });
    driven.script({ blocks: ["Hello."], limits: allowed });
    await driven.turn([user("Hi.")]);
    const known = await waitUntil("the figures are known", async () => {
      const status = await driven.engine.plan();
      return status.windows.length === 2 && status;
    });
    expect(sharesOf(known)).toEqual(both);
    expect(known).toMatchObject({ state: "allowed", claim: "five_hour", subscription: "max" });
    expect(known.source).toBe(version === "newest" ? "rate_limit_event" : "get_usage");
    expect(driven.upstream()).toHaveLength(1);
  });
});

test("the oldest CLI tells the state of the window that decides, and its share is unknown", async () => {
  await using driven = await drive("oldest");
  driven.script({ blocks: ["Hello."], limits: allowed });
  await driven.turn([user("Hi.")]);
  expect(sharesOf(await plan(driven))).toEqual([["five_hour", null]]);
});

test.each(cliVersions)("a refusal is known at once, and lifted by the next answer (%s)", async (version) => {
  await using driven = await drive(version);
  driven.script({ status: 429, limits: rejected }, { blocks: ["Hello."], paceMs: 0 });
  await expect(driven.turn([user("Hi.")])).rejects.toMatchObject({ code: "plan_limit", reason: "five_hour" });
  expect((await driven.engine.plan()).refusals).toMatchObject([
    { window: "five_hour", resetsAt: soon * 1000, models: null },
  ]);
  await driven.turn([user("Hi.")]);
  expect((await driven.engine.plan()).refusals).toEqual([]);
});

test("a login that is replaced while the server runs takes what was known of it away, and its subscription", async () => {
  await using temp = await createTemp();
  const claudeConfig = join(temp.home, ".claude");
  const file = join(claudeConfig, ".credentials.json");
  mkdirSync(claudeConfig);
  writeFileSync(file, login("sk-ant-oat01-first", Date.now() + hour));
  const paths = { home: temp.home, spawnHome: join(temp.home, "spawn-home"), claudeConfig };
  await using driven = await drive("newest", { oauthToken: undefined, paths });
  driven.script({ status: 429, limits: rejected });
  await driven.turn([user("Hi.")]).catch(() => {});
  expect(await driven.engine.plan()).toMatchObject({ state: "rejected", subscription: "max" });
  const other = login("sk-ant-oat01-second", Date.now() + hour).replace('"max"', '"pro"');
  writeFileSync(file, other);
  expect(await driven.engine.plan()).toMatchObject({
    windows: [],
    refusals: [],
    state: "unknown",
    subscription: "pro",
    at: null,
  });
});

describe("over a restart", () => {
  async function restarted(change: { token?: string; damage?: (text: string) => string } = {}) {
    const temp = await createTemp();
    const planFile = join(temp.path, "plan.json");
    {
      await using first = await drive("newest", { planFile });
      first.script({ status: 429, limits: rejected });
      await first.turn([user("Hi.")]).catch(() => {});
    }
    const text = readFileSync(planFile, "utf8");
    const mode = statSync(planFile).mode & 0o777;
    if (change.damage) writeFileSync(planFile, change.damage(text));
    const second = await drive("newest", { planFile, oauthToken: change.token ?? "sk-ant-oat01-test" });
    const status = await second.engine.plan();
    await second[Symbol.asyncDispose]();
    await temp.remove();
    return { status, text, mode };
  }

  test("it is known as of when it was told, in a file that shows no token", async () => {
    const before = Date.now();
    const { status, text, mode } = await restarted();
    expect(status).toMatchObject({ state: "rejected", claim: "five_hour", refusals: [{ window: "five_hour" }] });
    expect(status.windows.map(({ name, utilization }) => [name, utilization])).toContainEqual(["five_hour", 1]);
    expect(status.at).toBeGreaterThanOrEqual(before);
    expect(status.at).toBeLessThan(Date.now());
    expect(text).not.toContain("sk-ant");
    expect(mode).toBe(0o600);
  });

  test("it is unknown with another login", async () => {
    const { status } = await restarted({ token: "sk-ant-oat01-other" });
    expect(status).toMatchObject({ windows: [], refusals: [], at: null });
  });

  test.each([
    ["cut off", (text: string) => text.slice(0, -20)],
    ["empty", () => ""],
    ["of a later version", (text: string) => text.replace('"version":1', '"version":2')],
    ["no object", () => "[]"],
  ])("it is unknown after the file was %s", async (_how, damage) => {
    const { status } = await restarted({ damage });
    expect(status).toMatchObject({ windows: [], refusals: [], at: null });
  });

  test("what in the file is of another kind is unknown, and the rest is known", async () => {
    const damage = (text: string) =>
      text
        .replace('"utilization":1', '"utilization":"all"')
        .replace(/"refusals":\[.*?\}\]/, '"refusals":[7,{"window":"five_hour"}]');
    const { status } = await restarted({ damage });
    expect(status.refusals).toEqual([]);
    expect(status.windows.find(({ name }) => name === "five_hour")).toMatchObject({ utilization: null });
  });
});
