/**
 * What OCP leans on of the official CLI where it tells of the plan's limits, one fact a test, on the oldest and the
 * newest version that is supported.
 */

import { describe, expect, test } from "bun:test";
import type { CliFrame, RateLimitInfo } from "../../src/claude/protocol.ts";
import type { Limits, Script } from "../../src/demo/script.ts";
import { hour, login } from "../chat/login.ts";
import { type CliVersion, cliVersions } from "../harness/claude.ts";
import { waitUntil } from "../harness/processes.ts";
import { type Cli, startCli } from "./cli.ts";
import { startRefusingProxy } from "./proxy.ts";

const soon = Math.floor(Date.now() / 1000) + 7_200;
const later = soon + 300_000;
const fiveHour = { utilization: 0.21, resetsAt: soon };
const sevenDay = { utilization: 0.42, resetsAt: later };
const allowed: Limits = { status: "allowed", fiveHour, sevenDay };
const answer = (limits?: Limits): Script => ({ blocks: ["Yes."], ...(limits ? { limits } : {}) });

/** Asks once, and returns what the CLI then says of the limits, with the types of all frames around it. */
async function ask(cli: Cli, script: Script) {
  const before = cli.frames.length;
  cli.simulator.play(() => script);
  cli.say("hi");
  const result = await cli.result();
  const frames = cli.frames.slice(before);
  const told = frames
    .filter((frame): frame is Extract<CliFrame, { type: "rate_limit_event" }> => frame.type === "rate_limit_event")
    .map((frame) => frame.rate_limit_info as RateLimitInfo & { unifiedWindows?: unknown });
  const kinds = frames.map((frame) => (frame.type === "stream_event" ? frame.event.type : frame.type));
  return { result, told, kinds };
}

describe.each(cliVersions)("the limits that the official CLI tells of (%s)", (version: CliVersion) => {
  const windows = (told: object) => (version === "newest" ? { unifiedWindows: told } : {});

  test("come after the message has ended and before the turn's result", async () => {
    await using cli = await startCli({ version });
    const { kinds } = await ask(cli, answer(allowed));
    expect(kinds.slice(-3)).toEqual(["message_stop", "rate_limit_event", "result"]);
  });

  test("are of the window that decides, on the newest also of the others, with their shares", async () => {
    await using cli = await startCli({ version });
    const { told } = await ask(cli, answer(allowed));
    expect(told).toEqual([
      {
        status: "allowed",
        resetsAt: soon,
        rateLimitType: "five_hour",
        isUsingOverage: false,
        ...windows({
          five_hour: { utilization: 0.21, resetsAt: soon, status: "allowed" },
          seven_day: { utilization: 0.42, resetsAt: later, status: "allowed" },
        }),
      } as RateLimitInfo,
    ]);
  });

  test("come again when they have changed: the newest tells a share, the oldest only a state", async () => {
    await using cli = await startCli({ version });
    await ask(cli, answer(allowed));
    expect((await ask(cli, answer(allowed))).told).toEqual([]);
    const more = { ...allowed, fiveHour: { ...fiveHour, utilization: 0.22 } };
    expect((await ask(cli, answer(more))).told).toHaveLength(version === "newest" ? 1 : 0);
    const warned = { utilization: 0.92, resetsAt: soon, surpassed: 0.9 };
    const { told } = await ask(cli, answer({ ...allowed, status: "allowed_warning", fiveHour: warned }));
    expect(told).toMatchObject([{ status: "allowed_warning", rateLimitType: "five_hour", utilization: 0.92 }]);
  });

  test("are nothing but a state where the API tells nothing", async () => {
    await using cli = await startCli({ version });
    await ask(cli, answer(allowed));
    expect((await ask(cli, answer())).told).toEqual([{ status: "allowed", isUsingOverage: false }]);
  });

  test("say that an answer is paid with extra usage, though the window is used up", async () => {
    await using cli = await startCli({ version });
    const { told, result } = await ask(
      cli,
      answer({
        status: "rejected",
        fiveHour: { utilization: 1, resetsAt: soon, status: "rejected" },
        overage: { status: "allowed", resetsAt: later, inUse: true },
      }),
    );
    expect(result.is_error).toBe(false);
    expect(told).toMatchObject([
      {
        status: "rejected",
        overageStatus: "allowed",
        overageResetsAt: later,
        isUsingOverage: true,
        overageInUse: true,
      },
    ]);
  });

  test("name a window of one kind of model, and why there is no extra usage", async () => {
    await using cli = await startCli({ version });
    const { told } = await ask(cli, {
      status: 429,
      limits: {
        ...allowed,
        status: "rejected",
        claim: "seven_day_opus",
        resetsAt: later,
        overage: { status: "rejected", disabledReason: "out_of_credits" },
      },
    });
    expect(told).toMatchObject([
      {
        status: "rejected",
        rateLimitType: "seven_day_opus",
        resetsAt: later,
        overageStatus: "rejected",
        overageDisabledReason: "out_of_credits",
        isUsingOverage: false,
      },
    ]);
  });

  test("name neither a window nor a reset where the API limits for a moment", async () => {
    await using cli = await startCli({ version });
    const { told } = await ask(cli, { status: 429, limits: null, retryAfter: 1 });
    expect(told).toEqual([{ status: "rejected", isUsingOverage: false }]);
  }, 30_000);

  const getUsage = { subtype: "get_usage", skip_behaviors: true } as const;

  test("are not told to `get_usage` with a token from the environment, and nobody is asked for them", async () => {
    await using proxy = startRefusingProxy();
    await using cli = await startCli({ version, env: { HTTPS_PROXY: proxy.url } });
    await ask(cli, answer(allowed));
    expect(await cli.request(getUsage)).toMatchObject({
      subscription_type: null,
      rate_limits_available: false,
      rate_limits: null,
    });
    expect(cli.upstream()).toHaveLength(1);
    expect(proxy.asked).toEqual([]);
  });

  test("are told to `get_usage` in the owner's home, in percent, out of the last answer's headers", async () => {
    await using proxy = startRefusingProxy();
    await using cli = await startCli({
      version,
      login: login("sk-ant-oat01-file", Date.now() + hour),
      env: { HTTPS_PROXY: proxy.url },
    });
    await ask(cli, answer(allowed));
    await waitUntil("the CLI has asked for its account's profile, as it does at its start", () => proxy.asked[0]);
    const before = [...proxy.asked];
    const usage = await cli.request(getUsage);
    expect(usage).toMatchObject({ subscription_type: "max", rate_limits_available: true });
    expect(usage.rate_limits).toEqual({
      five_hour: { utilization: 21, resets_at: new Date(soon * 1000).toISOString() },
      seven_day: { utilization: 42, resets_at: new Date(later * 1000).toISOString() },
    });
    expect(cli.upstream()).toHaveLength(1);
    expect(proxy.asked).toEqual(before);
  });

  test("would be asked of Anthropic at `get_usage`, were it not for CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", async () => {
    await using proxy = startRefusingProxy();
    await using cli = await startCli({
      version,
      login: login("sk-ant-oat01-file", Date.now() + hour),
      env: { HTTPS_PROXY: proxy.url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: undefined },
    });
    await ask(cli, answer(allowed));
    const before = proxy.asked.length;
    await cli.request(getUsage);
    expect(proxy.asked.slice(before)).toContain("CONNECT api.anthropic.com:443 HTTP/1.1");
  });
});
