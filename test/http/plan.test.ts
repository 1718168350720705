/** `/usage`, `/status`, and the gate that the plan's limits close: over an engine that says what is known. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import { type PlanStatus, unknownPlan } from "../../src/core/plan.ts";
import { errorOf, fails, hello, helloStream, says, serve } from "./served.ts";

/** What the clock of `serve` shows. */
const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const minute = 60_000;
const told = { source: "rate_limit_event", at: now - 2 * minute } as const;

const plan: PlanStatus = {
  windows: [
    { name: "five_hour", utilization: 0.42, resetsAt: now + 130 * minute, state: "allowed", ...told },
    { name: "seven_day", utilization: 0.1, resetsAt: now + 4_560 * minute, state: "allowed", ...told },
    { name: "seven_day_opus", utilization: null, resetsAt: now + 60 * minute, state: "allowed_warning", ...told },
  ],
  refusals: [{ window: "seven_day_opus", resetsAt: now + 60 * minute, at: now - minute, models: ["claude-opus-5-5"] }],
  state: "allowed",
  claim: "five_hour",
  extraUsage: { state: "rejected", disabledReason: "out_of_credits", inUse: false },
  subscription: "max",
  ...told,
};

const limits = {
  currentSession: {
    utilization: 0.42,
    percent: "42%",
    resetsIn: "2h 10m",
    resetsAt: "2026-01-02T05:14:05.000Z",
    resetsAtHuman: expect.stringMatching(/^\w{3}, \w{3} \d+, \d+:14 [AP]M$/),
  },
  weeklyLimits: {
    allModels: {
      utilization: 0.1,
      percent: "10%",
      resetsIn: "3d 4h",
      resetsAt: "2026-01-05T07:04:05.000Z",
      resetsAtHuman: expect.any(String),
    },
    opus: {
      utilization: null,
      percent: "unknown",
      resetsIn: "1h 0m",
      resetsAt: "2026-01-02T04:04:05.000Z",
      resetsAtHuman: expect.any(String),
    },
  },
  note: null,
};
const unknownWindow = {
  utilization: null,
  percent: "unknown",
  resetsIn: "unknown",
  resetsAt: null,
  resetsAtHuman: "unknown",
};
const age = { fetchedAt: new Date(told.at).toISOString(), age: 2 * minute, source: "rate_limit_event" };

describe("GET /usage", () => {
  test("tells the owner all that is known, with its age, and what the server has done", async () => {
    await using server = serve({ plan: () => plan }).listen();
    await (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(hello) })).text();
    const response = await fetch(`${server.url}/usage`);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { models, ...body } = (await response.json()) as any;
    expect(body).toEqual({
      status: "allowed",
      ...age,
      plan: {
        ...limits,
        extraUsage: { status: "rejected", disabledReason: "out_of_credits", inUse: false },
        representativeClaim: "five_hour",
        fallbackPercentage: null,
        subscription: "max",
        windows: [
          { name: "five_hour", status: "allowed", ...limits.currentSession, ...age },
          { name: "seven_day", status: "allowed", ...limits.weeklyLimits.allModels, ...age },
          { name: "seven_day_opus", status: "allowed_warning", ...limits.weeklyLimits.opus, ...age },
        ],
        refusals: [
          {
            window: "seven_day_opus",
            models: ["claude-opus-5-5"],
            resetsIn: "1h 0m",
            resetsAt: "2026-01-02T04:04:05.000Z",
          },
        ],
      },
      proxy: { totalRequests: 1, activeRequests: 0, errors: 0, timeouts: 0, uptime: expect.any(String) },
      _raw: {},
    });
    expect(models["claude-sonnet-5-5"]).toMatchObject({ requests: 1, successes: 1, errors: 0, maxPromptChars: 2 });
  });

  test("says unknown, and never 0, of what nothing was said of", async () => {
    await using server = serve().listen();
    const response = await fetch(`${server.url}/usage`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: "unknown",
      fetchedAt: null,
      age: null,
      source: null,
      plan: {
        currentSession: unknownWindow,
        weeklyLimits: { allModels: unknownWindow },
        note: expect.stringContaining("there was none"),
        extraUsage: { status: "unknown" },
        representativeClaim: null,
        fallbackPercentage: null,
        subscription: null,
        windows: [],
      },
      models: {},
    });
  });

  test("tells other keys percents and resets alone", async () => {
    await using server = serve({ plan: () => plan, env: { PROXY_API_KEY: "open-sesame" } }).listen();
    expect((await fetch(`${server.url}/usage`, { headers: { "x-forwarded-for": "10.0.0.9" } })).status).toBe(401);
    const response = await fetch(`${server.url}/usage`, { headers: { authorization: "Bearer open-sesame" } });
    expect(await response.json()).toEqual({ ...age, plan: limits } as any);
  });

  test("tells nothing to callers without a key from other machines", async () => {
    await using server = serve({ plan: () => plan }).listen();
    const response = await fetch(`${server.url}/usage`, { headers: { "x-forwarded-for": "10.0.0.9" } });
    expect(response.status).toBe(401);
    expect(await response.text()).not.toContain("42%");
  });
});

describe("GET /status", () => {
  test("tells the owner the server's state, its requests, the plan and the last errors", async () => {
    const served = serve({ plan: () => plan, script: fails(new OcpError("overloaded", "The prompt was: secret.")) });
    await using server = served.listen();
    for (let asked = 0; asked < 5; asked++) {
      await fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ ...hello, model: "haiku" }),
      });
    }
    const text = await (await fetch(`${server.url}/status`)).text();
    expect(text).not.toContain("secret");
    const failure = { time: new Date(now).toISOString(), message: "overloaded", model: "claude-haiku-5-5" };
    expect(JSON.parse(text)).toMatchObject({
      proxy: { status: "ok", version: "1.2.3", uptime: expect.any(String), auth: "ok" },
      requests: { total: 5, active: 0, errors: 5, timeouts: 0 },
      plan: { status: "allowed", ...age, ...limits },
      recentErrors: [failure, failure, failure],
    });
  });

  test("says what is wrong with the login", async () => {
    const problem = "Log in again.";
    const login = { state: "rejected", source: "file", expiresAt: null, problem } as const;
    await using server = serve({ status: { login } }).listen();
    const { proxy } = (await (await fetch(`${server.url}/status`)).json()) as any;
    expect(proxy).toMatchObject({ status: "degraded", auth: problem });
  });

  test("is nobody else's", async () => {
    await using server = serve({ plan: () => plan, env: { PROXY_API_KEY: "open-sesame" } }).listen();
    expect((await fetch(`${server.url}/status`, { headers: { authorization: "Bearer open-sesame" } })).status).toBe(
      403,
    );
  });
});

describe("while the plan refuses", () => {
  /** A server whose clock and plan the test moves, and how many turns reached the engine. */
  function gated(refusals: PlanStatus["refusals"], env: Record<string, string> = {}) {
    let at = now;
    let known: PlanStatus = { ...unknownPlan, refusals };
    let turns = 0;
    let outcome: "answers" | "refuses" = "answers";
    const served = serve({
      env,
      clock: () => at,
      plan: () => known,
      script: (...asked) => {
        turns++;
        return (outcome === "answers" ? says("Hello") : fails(new OcpError("plan_limit", "No.")))(...asked);
      },
    });
    return {
      ask: (model = "sonnet") => served.chat({ ...hello, model }),
      served,
      turns: () => turns,
      pass: (ms: number) => {
        at += ms;
      },
      know: (next: Partial<PlanStatus>) => {
        known = { ...known, ...next };
      },
      will: (next: typeof outcome) => {
        outcome = next;
      },
    };
  }
  const session = { window: "five_hour", resetsAt: now + 30 * minute, at: now, models: null };

  test("requests are answered with the exact reset, and reach no process", async () => {
    const { ask, turns, served } = gated([session]);
    const response = await ask();
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1800");
    expect(await errorOf(response)).toMatchObject({
      message: "The Claude plan's 5-hour limit is reached. It resets at 2026-01-02T03:34:05.000Z.",
      code: "insufficient_quota",
    });
    for (const [path, body] of [
      ["/v1/messages", { model: "sonnet", max_tokens: 9, messages: hello.messages }],
      ["/v1/responses", { model: "sonnet", input: "hi" }],
      ["/v1/chat/completions", helloStream],
    ] as const) {
      const refused = await served.send(path, { method: "POST", body: JSON.stringify(body) });
      expect(refused.status).toBe(429);
      expect(refused.headers.get("retry-after")).toBe("1800");
    }
    expect(turns()).toBe(0);
    expect(served.admission.stats()).toMatchObject({ running: 0, waiting: 0 });
    expect(served.requests().every(({ outcome }) => outcome === "plan_limit")).toBe(true);
  });

  test("one request a minute goes through, of whoever asks, and all others not", async () => {
    const { ask, turns, pass, will } = gated([session]);
    will("refuses");
    pass(minute - 1);
    expect((await ask()).status).toBe(429);
    expect(turns()).toBe(0);
    pass(1);
    const burst = await Promise.all([ask(), ask("opus"), ask("haiku"), ask()]);
    expect(burst.map(({ status }) => status)).toEqual([429, 429, 429, 429]);
    expect(turns()).toBe(1);
    pass(minute - 1);
    await ask();
    expect(turns()).toBe(1);
    pass(1);
    await ask();
    expect(turns()).toBe(2);
  });

  test("an answer to it opens the gate at once", async () => {
    const { ask, turns, pass, know } = gated([session]);
    pass(minute);
    expect((await ask()).status).toBe(200);
    know({ refusals: [] });
    expect((await ask()).status).toBe(200);
    expect(turns()).toBe(2);
  });

  test("the reset opens the gate", async () => {
    const { ask, turns, pass } = gated([session]);
    pass(30 * minute);
    expect((await Promise.all([ask(), ask("opus")])).map(({ status }) => status)).toEqual([200, 200]);
    expect(turns()).toBe(2);
  });

  test("a window of one family closes only its models", async () => {
    const { ask, turns } = gated([{ ...session, window: "seven_day_opus", models: ["claude-opus-5-5"] }]);
    expect((await ask("claude-opus-4-8")).status).toBe(429);
    expect((await ask("sonnet")).status).toBe(200);
    expect(turns()).toBe(1);
  });

  test("what was answered before is still given out of the cache", async () => {
    const { ask, turns, know } = gated([], { CLAUDE_CACHE_TTL: "60000" });
    await (await ask()).text();
    know({ refusals: [session] });
    const again = await ask();
    expect({ status: again.status, cache: again.headers.get("x-ocp-cache") }).toEqual({ status: 200, cache: "hit" });
    expect((await ask("opus")).status).toBe(429);
    expect(turns()).toBe(1);
  });

  test("a clock that was set back does not keep the gate closed", async () => {
    const { ask, pass } = gated([session]);
    pass(-60 * minute);
    expect((await ask()).status).toBe(200);
  });
});
