/** `ocp sessions` and `ocp clear`: the conversations with a process and those that hibernate, as people and programs read them. */

import { describe, expect, test } from "bun:test";
import type { SessionInfo } from "../../src/core/ports.ts";
import { targets } from "../harness/ocp.ts";
import { serve } from "../http/served.ts";
import { runOcp } from "./run.ts";

const sessions: SessionInfo[] = [
  {
    id: "s1",
    pid: 4242,
    principalId: "local",
    model: "claude-sonnet-5-5",
    state: "idle",
    reason: null,
    messages: 8,
    turns: 4,
    usage: { input: 4, cacheRead: 9_995, cacheWrite: 1, output: 90 },
    rebuilds: { evicted: 2, edited: 1 },
    since: 1_000,
    usedAt: 61_000,
  },
  {
    id: "s2",
    pid: null,
    principalId: "local",
    model: "claude-opus-5-5",
    state: "hibernated",
    reason: "expired",
    messages: 2,
    turns: 1,
    usage: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 },
    rebuilds: {},
    since: 2_000,
    usedAt: 3_000,
  },
];
const environment = (url: string) => ({ OCP_URL: url, TZ: "UTC" });

/** A server before this version: no field of hibernation. */
const old = {
  sessions: [
    {
      ...{ id: "s1", pid: 7, model: "claude-sonnet-5-5", state: "idle", messages: 2, turns: 1 },
      ...{ createdAt: "2026-01-02T03:04:05.000Z", lastUsedAt: "2026-01-02T03:04:06.000Z" },
    },
  ],
  cleared: 1,
};

describe.each(targets())("%s", (target) => {
  test("ocp sessions lists hibernated conversations too, with why, and what was read from the cache", async () => {
    await using server = serve({ sessions: () => sessions }).listen();
    const { code, stdout, stderr } = await runOcp(target, ["sessions"], environment(server.url));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      [
        "ID  WHOSE  PID   MODEL              STATE                 MESSAGES  TURNS  CACHED  REBUILT                SINCE                LAST USED",
        "s1  local  4242  claude-sonnet-5-5  idle                  8         4      99 %    3 (evicted 2, edited)  1970-01-01 00:00:01  1970-01-01 00:01:01",
        "s2  local  -     claude-opus-5-5    hibernated (expired)  2         1      -       -                      1970-01-01 00:00:02  1970-01-01 00:00:03",
        "",
      ].join("\n"),
    );
    expect(stdout).not.toMatch(/null|undefined|NaN/);
    const json = JSON.parse((await runOcp(target, ["sessions", "--json"], environment(server.url))).stdout);
    expect(json[1]).toMatchObject({ pid: null, state: "hibernated", ended: "expired", cacheHit: null });
  });

  test.each([
    [{ ended: 2, forgotten: 0 }, "2 processes ended; running answers go on.\n"],
    [{ ended: 1, forgotten: 1 }, "1 process ended, 1 hibernated conversation forgotten; running answers go on.\n"],
    [{ ended: 0, forgotten: 3 }, "0 processes ended, 3 hibernated conversations forgotten; running answers go on.\n"],
  ])("ocp clear says how many of each kind there were: %j", async (cleared, said) => {
    await using server = serve({ clearSessions: () => cleared }).listen();
    const { code, stdout, stderr } = await runOcp(target, ["clear"], environment(server.url));
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: said, stderr: "" });
  });

  test("both understand a server of an older version", async () => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json(old) });
    const environmentOfOld = environment(`http://127.0.0.1:${server.port}`);
    const listed = await runOcp(target, ["sessions"], environmentOfOld);
    expect({ code: listed.code, stderr: listed.stderr }).toEqual({ code: 0, stderr: "" });
    expect(listed.stdout.split("\n")[1]).toMatch(/^s1 +7 +claude-sonnet-5-5 +idle +2 +1 +- +- +2026-01-02 03:04:05/);
    const cleared = await runOcp(target, ["clear"], environmentOfOld);
    expect(cleared).toEqual({ code: 0, stdout: "1 process ended; running answers go on.\n", stderr: "" });
  });
});
