/** `ocp usage`, `ocp status` and `ocp health`, as a person reads them and as a program does. */

import { describe, expect, test } from "bun:test";
import { type PlanStatus, unknownPlan } from "../../src/core/plan.ts";
import { targets } from "../harness/ocp.ts";
import { healthy, hello, serve } from "../http/served.ts";
import { type Outcome, runOcp } from "./run.ts";

/** What the clock of `serve` shows. */
const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const minute = 60_000;
const told = { source: "rate_limit_event", at: now - 125_000 } as const;
const plan: PlanStatus = {
  windows: [
    { name: "five_hour", utilization: 0.42, resetsAt: now + 130 * minute, state: "allowed", ...told },
    { name: "seven_day", utilization: 0.83, resetsAt: now + 4_560 * minute, state: "allowed", ...told },
    { name: "seven_day_opus", utilization: null, resetsAt: now + 60 * minute, state: "rejected", ...told },
  ],
  refusals: [{ window: "seven_day_opus", resetsAt: now + 60 * minute, at: now, models: ["claude-opus-5-5"] }],
  state: "allowed",
  claim: "five_hour",
  extraUsage: { state: "rejected", disabledReason: "out_of_credits", inUse: false },
  subscription: "max",
  ...told,
};
const environment = (url: string, extra: Record<string, string | undefined> = {}) => ({
  OCP_URL: url,
  TZ: "UTC",
  LANG: "C.UTF-8",
  ...extra,
});

/** What a server that answers just this makes of a command. */
async function against(target: "source" | "binary", answer: () => Response, ...args: string[]): Promise<Outcome> {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  try {
    return await runOcp(target, args, environment(`http://127.0.0.1:${server.port}`));
  } finally {
    await server.stop(true);
  }
}

describe.each(targets())("ocp usage (%s)", (target) => {
  test("shows bars with their resets, extra usage, the models and the server, in 60 columns", async () => {
    await using server = serve({ plan: () => plan }).listen();
    for (const model of ["opus", "sonnet", "sonnet"]) {
      const body = JSON.stringify({ ...hello, model });
      await (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body })).text();
    }
    const { code, stdout, stderr } = await runOcp(target, ["usage"], environment(server.url));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.replace(/\d+\.\ds/g, "0.0s").replace(/up \w+/, "up 0s")).toBe(`Claude plan (max), as of 2m 5s ago

Session       ████████░░░░░░░░░░░░  42%
              resets in 2h 10m (Fri, Jan 2, 5:14 AM)
Week          █████████████████░░░  83%
              resets in 3d 4h (Mon, Jan 5, 7:04 AM)
Week, Opus    unknown
              resets in 1h 0m (Fri, Jan 2, 4:04 AM)
Extra usage   off (out_of_credits)

Requests for claude-opus-5-5 are refused until Fri, Jan 2,
4:04 AM (seven_day_opus).

Model   Req  OK  Er  AvgT  MaxT  AvgP  MaxP
opus      1   0   1     -     -  0.0k  0.0k
sonnet    2   2   0  0.0s  0.0s  0.0k  0.0k
Total     3   2   1  0.0s  0.0s  0.0k  0.0k

Server: up 0s, 3 requests, 1 error, 0 timeouts
`);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  test("says unknown, with the reason, where nothing is known", async () => {
    await using server = serve().listen();
    const { stdout } = await runOcp(target, ["usage"], environment(server.url));
    expect(stdout).toStartWith(`Claude plan

Session       unknown
Week          unknown
Extra usage   unknown

The claude CLI tells the plan's limits with an answer, and
there was none since the session began.

No requests since the server started.
`);
    expect(stdout).not.toContain("0%");
  });

  test("shows a key of a person what that key may see", async () => {
    await using server = serve({ plan: () => plan, env: { PROXY_API_KEY: "open-sesame" } }).listen();
    const { code, stdout } = await runOcp(target, ["usage", "--key", "open-sesame"], environment(server.url));
    expect(code).toBe(0);
    expect(stdout).toContain("Session       ████████░░░░░░░░░░░░  42%\n");
    expect(stdout).not.toMatch(/Model|Server|Extra|max/);
  });

  test("draws bars of ASCII where the locale has no others", async () => {
    await using server = serve({ plan: () => plan }).listen();
    const { stdout } = await runOcp(target, ["usage"], environment(server.url, { LANG: "C" }));
    expect(stdout).toContain("Session       ########------------  42%\n");
  });

  test("prints the server's JSON", async () => {
    await using server = serve({ plan: () => plan }).listen();
    const { code, stdout } = await runOcp(target, ["usage", "--json"], environment(server.url));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(await (await fetch(`${server.url}/usage`)).json());
  });

  test.each([
    ["an older server", () => Response.json({ plan: { currentSession: { utilization: 0, percent: "0%" } } })],
    ["a list", () => Response.json([])],
    ["null", () => Response.json(null)],
    [
      "texts for numbers",
      () => Response.json({ plan: 7, proxy: "up", models: { "claude-a": { requests: "x" } }, age: {} }),
    ],
  ])("shows what there is of an answer that is %s", async (_name, answer) => {
    const { code, stdout, stderr } = await against(target, answer, "usage");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toStartWith("Claude plan\n");
    expect(stdout).not.toMatch(/undefined|NaN|null|\[object/);
  });

  test("passes no control character of an answer on", async () => {
    const evil = "a\u001b]0;owned\u0007\n\u009bb";
    const window = { utilization: 0.1, resetsIn: evil, resetsAt: "2026-01-02T05:14:05.000Z" };
    const answer = () =>
      Response.json({
        plan: {
          subscription: evil,
          currentSession: window,
          weeklyLimits: { [evil]: window },
          note: evil,
          refusals: [{ window: evil, models: [evil] }],
        },
        models: { [evil]: { requests: 1 } },
        proxy: { uptime: evil },
      });
    const { stdout } = await against(target, answer, "usage");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test("says that what answers is no OCP", async () => {
    const { code, stderr } = await against(target, () => new Response("<html>"), "usage");
    expect(code).toBe(1);
    expect(stderr).toContain("is not OCP");
  });
});

describe.each(targets())("ocp status and ocp health (%s)", (target) => {
  test("status shows the server, its requests, the plan and the last errors", async () => {
    await using server = serve({ plan: () => plan }).listen();
    await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ ...hello, model: "opus" }),
    });
    const { code, stdout, stderr } = await runOcp(target, ["status"], environment(server.url));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`status    ok, OCP 1.2.3
up        0s
login     ok
requests  1 in all, 0 active, 1 error, 0 timeouts
plan      allowed, as of 2m 5s ago
session   42%, resets in 2h 10m
week      83%, resets in 3d 4h
error     2026-01-02T03:04:05.000Z  plan_limit  claude-opus-5-5  req_id1
`);
    const json = await runOcp(target, ["status", "--json"], environment(server.url));
    expect(JSON.parse(json.stdout)).toEqual(await (await fetch(`${server.url}/status`)).json());
  });

  test("status is the owner's", async () => {
    await using server = serve({ env: { PROXY_API_KEY: "open-sesame" } }).listen();
    const { code, stdout, stderr } = await runOcp(target, ["status", "--key", "open-sesame"], environment(server.url));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("wants the admin key");
  });

  test("health shows how the server is", async () => {
    await using server = serve({ plan: () => unknownPlan }).listen();
    const { code, stdout, stderr } = await runOcp(target, ["health"], environment(server.url));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`status     ok, OCP 1.2.3
auth mode  none
up         0s
claude     /opt/claude (2.1.330)
login      ok, file
isolation  isolated-scratch-home
running    0 of 8
waiting    0 of 16
processes  0 running, 0 parked, 0 live, 0 spare
memory     0 MB of 4295 MB
`);
    const json = await runOcp(target, ["health", "--json"], environment(server.url));
    expect(JSON.parse(json.stdout)).toEqual(await (await fetch(`${server.url}/health`)).json());
  });

  test("health of a server that cannot answer says what to do, and fails", async () => {
    const login = { ...healthy.login, state: "missing", source: null, problem: "It is not logged in." } as const;
    await using server = serve({ status: { login } }).listen();
    const { code, stdout } = await runOcp(target, ["health"], environment(server.url));
    expect(code).toBe(1);
    expect(stdout).toContain("status     degraded, OCP 1.2.3\n");
    expect(stdout).toContain("login      It is not logged in.\n");
    expect(stdout).toMatch(/^to do +claude is not logged in: run `claude`/m);
  });

  test("health shows a stranger what strangers see", async () => {
    await using server = serve({ env: { PROXY_API_KEY: "open-sesame", OCP_TRUST_LOOPBACK: "0" } }).listen();
    const { code, stdout } = await runOcp(target, ["health"], environment(server.url));
    expect({ code, stdout }).toEqual({ code: 0, stdout: "status     ok, OCP 1.2.3\nauth mode  shared\n" });
  });

  test.each(["usage", "status", "health"])("%s has a page of help", async (name) => {
    const { code, stdout } = await runOcp(target, ["help", name]);
    expect(code).toBe(0);
    expect(stdout).toContain(`USAGE ocp ${name} [OPTIONS]`);
    expect(stdout).toContain("--json");
  });

  test.each(["status", "health"])("%s says that nothing listens there", async (name) => {
    const { code, stderr } = await runOcp(target, [name], { OCP_URL: "http://127.0.0.1:1" });
    expect(code).toBe(1);
    expect(stderr).toContain("Nothing listens at http://127.0.0.1:1.");
  });
});
