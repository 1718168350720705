/** The plan's limits as a user meets them: the server, the real CLI, and an API that tells them in its headers. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Limits, Script } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { matrix, type Ocp, startOcp } from "../harness/ocp.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { ask, stream, user } from "./client.ts";
import { messageRequests } from "./upstream.ts";

const inSeconds = (seconds: number) => Math.ceil(Date.now() / 1000) + seconds;
const hour = 3_600;

describe.each(matrix())("the plan's limits ($name)", ({ target, cli }) => {
  const isNewest = cli === "newest";
  let simulator: Simulator;
  let ocp: Ocp;

  const start = (env: Record<string, string> = {}) =>
    startOcp({ target, cli, simulator, env: { OCP_LIVE_MAX: undefined, ...env } });
  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await start();
  });
  beforeEach(() => simulator.reset());
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  const messages = [user("Hello.")];
  const answers = (limits: Limits): Script => ({ blocks: ["Hello."], limits });
  const play = (script: Script) => simulator.play(() => script);
  const usage = async () => (await (await fetch(`${ocp.url}/usage`)).json()) as any;
  /** As soon as it is what is looked for: it is known right after an answer's end. */
  const known = (look: (usage: any) => boolean) =>
    waitUntil("the plan is known to be so", async () => {
      const seen = await usage();
      return look(seen) && seen;
    });
  const window = (utilization: number, seconds: number, rest: object = {}) => ({
    utilization,
    resetsAt: inSeconds(seconds),
    ...rest,
  });
  const running = () =>
    processesAtHome(join(ocp.home, ".ocp"))
      .filter(({ command }) => command.includes("stream-json"))
      .map(({ pid }) => pid);

  test("are unknown before the first answer, and asking for them asks nobody", async () => {
    for (const path of ["/usage", "/status", "/health"]) {
      expect((await fetch(`${ocp.url}${path}`)).status).toBe(200);
    }
    expect(await usage()).toMatchObject({
      status: "unknown",
      fetchedAt: null,
      plan: { currentSession: { utilization: null, percent: "unknown" } },
    });
    expect(running()).toEqual([]);
    expect(simulator.requests).toEqual([]);
  });

  test("are known after an answer, as far as this CLI tells them", async () => {
    play(answers({ status: "allowed", fiveHour: window(0.21, 2 * hour), sevenDay: window(0.42, 90 * hour) }));
    await ask(ocp, { messages });
    const { status, source, plan } = await known(({ status }) => status === "allowed");
    expect({ status, source }).toEqual({ status: "allowed", source: "rate_limit_event" });
    expect(plan.representativeClaim).toBe("five_hour");
    expect(plan.currentSession).toMatchObject({
      percent: isNewest ? "21%" : "unknown",
      utilization: isNewest ? 0.21 : null,
      resetsIn: expect.stringMatching(/^(2h 0m|1h 59m)$/),
    });
    expect(plan.weeklyLimits.allModels.percent).toBe(isNewest ? "42%" : "unknown");
    expect(plan.note === null).toBe(isNewest);
    expect(simulator.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  test("come near their end with a warning, which every CLI tells with the share", async () => {
    play(answers({ status: "allowed_warning", fiveHour: window(0.92, 2 * hour, { surpassed: 0.9 }) }));
    await ask(ocp, { messages });
    const { plan } = await known(({ status }) => status === "allowed_warning");
    expect(plan.currentSession.percent).toBe("92%");
    expect((await ask(ocp, { messages })).status).toBe(200);
  });

  test("close nothing while extra usage pays", async () => {
    const fiveHour = window(1, 2 * hour, { status: "rejected" });
    play(answers({ status: "rejected", fiveHour, overage: { status: "allowed", inUse: true } }));
    await ask(ocp, { messages });
    const { plan } = await known(({ plan }) => plan.extraUsage.inUse === true);
    expect(plan).toMatchObject({ extraUsage: { status: "allowed" }, refusals: [] });
    expect((await ask(ocp, { messages })).status).toBe(200);
    expect(messageRequests(simulator)).toHaveLength(2);
  });

  test("of one family close its models, and the others answer", async () => {
    const resetsAt = inSeconds(50 * hour);
    const refused: Script = { status: 429, limits: { status: "rejected", claim: "seven_day_opus", resetsAt } };
    simulator.play(({ body }) => (body?.model.includes("opus") ? refused : { blocks: ["Hello."] }));
    expect((await ask(ocp, { messages, model: "opus" })).body.error.message).toContain("weekly Opus limit");
    const { status, body, headers } = await ask(ocp, { messages, model: "claude-opus-4-8" });
    expect(status).toBe(429);
    expect(body.error.message).toContain(`It resets at ${new Date(resetsAt * 1000).toISOString()}.`);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(49 * hour);
    expect((await ask(ocp, { messages, model: "sonnet" })).status).toBe(200);
    expect(messageRequests(simulator).map((request) => request.body?.model)).toEqual([
      "claude-opus-5-5",
      "claude-sonnet-5-5",
    ]);
  });

  test("refuse all requests at once, without a process, and open at the reset", async () => {
    const resetsAt = inSeconds(3);
    const fiveHour = { utilization: 1, resetsAt, status: "rejected" } as const;
    play({ status: 429, limits: { status: "rejected", fiveHour, sevenDay: window(0.5, 90 * hour) } });
    expect((await ask(ocp, { messages })).status).toBe(429);
    const pids = running();
    const { status, headers, body } = await ask(ocp, { messages });
    expect(status).toBe(429);
    expect(body.error.message).toBe(
      `The Claude plan's 5-hour limit is reached. It resets at ${new Date(resetsAt * 1000).toISOString()}.`,
    );
    expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(4);
    expect((await stream(ocp, { messages, model: "haiku" })).status).toBe(429);
    const { plan } = await usage();
    expect(plan.refusals).toContainEqual(expect.objectContaining({ window: "five_hour", models: null }));
    expect(plan.currentSession.percent).toBe(isNewest ? "100%" : "unknown");
    expect(messageRequests(simulator)).toHaveLength(1);
    expect(running().filter((pid) => !pids.includes(pid))).toEqual([]);

    await known(({ plan }) => !plan.refusals.some((refusal: any) => refusal.window === "five_hour"));
    expect((await usage()).plan.currentSession).toMatchObject({ utilization: null, percent: "unknown" });
    play({ blocks: ["Hello."] });
    expect((await ask(ocp, { messages })).status).toBe(200);
  });
});

describe.each(matrix().filter(({ cli }) => cli === "newest"))("after a restart ($name)", ({ target }) => {
  test("the limits are known as of when they were told, and still close; another login knows nothing", async () => {
    await using simulator = startSimulator();
    const fiveHour = { utilization: 1, resetsAt: inSeconds(2 * hour), status: "rejected" } as const;
    simulator.play(() => ({ status: 429, limits: { status: "rejected", fiveHour } }));
    await using first = await startOcp({ target, simulator });
    await ask(first, { messages: [user("Hello.")] });
    await first.stop();
    const file = join(first.home, ".ocp", "plan.json");
    expect(readFileSync(file, "utf8")).not.toContain("sk-ant");

    {
      await using second = await startOcp({ target, simulator, env: { HOME: first.home } });
      const { status, age, plan } = (await (await fetch(`${second.url}/usage`)).json()) as any;
      expect({ status, percent: plan.currentSession.percent }).toEqual({ status: "rejected", percent: "100%" });
      expect(age).toBeGreaterThan(0);
      expect((await ask(second, { messages: [user("Hello.")] })).status).toBe(429);
      expect(messageRequests(simulator)).toHaveLength(1);
      await second.stop();
    }
    const env = { HOME: first.home, CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-other" };
    await using third = await startOcp({ target, simulator, env });
    expect(await (await fetch(`${third.url}/usage`)).json()).toMatchObject({ status: "unknown", fetchedAt: null });
  });

  test("a demonstration shows a simulated plan, and neither reads nor writes the real one's file", async () => {
    await using ocp = await startOcp({ target, args: ["--demo"] });
    await ask(ocp, { messages: [user("Hello.")] });
    const { plan } = await waitUntil("the plan is known", async () => {
      const seen = (await (await fetch(`${ocp.url}/usage`)).json()) as any;
      return seen.status === "allowed" && seen;
    });
    expect(plan.currentSession).toMatchObject({ percent: "1%", resetsIn: expect.stringMatching(/^(4h 59m|5h 0m)$/) });
    await ocp.stop();
    expect(await Bun.file(join(ocp.home, ".ocp", "plan.json")).exists()).toBe(false);
  });
});
