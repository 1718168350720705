/**
 * What OCP leans on of the official CLI, one fact a test, on the oldest and the newest version that is supported.
 * When one of these fails after an update of the CLI, its name says which assumption of src/claude no longer holds.
 */

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dialNames, interrupt, seal } from "../../src/claude/dials.ts";
import { versionOf } from "../../src/claude/locate.ts";
import { assistantFrame, type HostRequest, userFrame } from "../../src/claude/protocol.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary, cliVersions } from "../harness/claude.ts";
import { createTemp } from "../harness/temp.ts";
import { startCli, textsOf } from "./cli.ts";
import { startRefusingProxy } from "./proxy.ts";

const initialize = (prompt: string): HostRequest => ({ subtype: "initialize", systemPrompt: [prompt] });
const expected = { newest: "2.1.332", oldest: "2.1.197" };

describe.each(cliVersions)("the official CLI (%s)", (version) => {
  test("`--version` begins with the version", async () => {
    await using temp = await createTemp();
    expect(await versionOf(claudeBinary(version), temp.home, process.env.PATH)).toBe(expected[version]);
  });

  test("logs in with CLAUDE_CODE_OAUTH_TOKEN, as a Bearer", async () => {
    await using cli = await startCli({ version, token: "sk-ant-oat01-mine" });
    cli.say("hi");
    await cli.result();
    expect(cli.upstream()[0]!.headers.authorization).toBe("Bearer sk-ant-oat01-mine");
  });

  test("without a login ends a turn with «Not logged in», and sends nothing", async () => {
    await using cli = await startCli({ version, token: null });
    cli.say("hi");
    expect(await cli.result()).toMatchObject({ is_error: true, result: expect.stringContaining("Not logged in") });
    expect(cli.upstream()).toEqual([]);
  });

  test("takes the system prompt late, by `initialize`, and an empty one is none", async () => {
    await using cli = await startCli({ version });
    await cli.request(initialize("A prompt that came late."));
    cli.say("hi");
    await cli.result();
    const [first] = cli.upstream();
    expect(first!.body.system.at(-1).text).toBe("A prompt that came late.");
    await using bare = await startCli({ version });
    await bare.request(initialize(""));
    bare.say("hi");
    await bare.result();
    expect(JSON.stringify(bare.upstream()[0]!.body.system).length).toBeLessThan(400);
  });

  test('offers no tool of its own with `--tools ""`', async () => {
    await using cli = await startCli({ version });
    cli.say("hi");
    await cli.result();
    expect(cli.upstream()[0]!.body.tools ?? []).toEqual([]);
  });

  test("takes a past user message with `shouldQuery:false`, answers it with a result of no turns, sends nothing", async () => {
    await using cli = await startCli({ version });
    cli.send(userFrame([{ type: "text", text: "earlier" }], false));
    expect(await cli.result()).toMatchObject({ is_error: false, num_turns: 0 });
    expect(cli.upstream()).toEqual([]);
  });

  test("takes past assistant messages on stdin, in their place and role", async () => {
    await using cli = await startCli({ version });
    cli.send(userFrame([{ type: "text", text: "one" }], false));
    await cli.result();
    cli.send(assistantFrame({ role: "assistant", content: [{ type: "text", text: "two" }] }, "claude-sonnet-4-6"));
    cli.say("three");
    await cli.result();
    const { messages } = cli.upstream()[0]!.body;
    expect(messages.map((message: any) => message.role)).toEqual(["user", "assistant", "user"]);
    expect(messages.flatMap(textsOf)).toEqual(["one", "two", "three"]);
  });

  test("takes max_tokens, other parameters and the effort by `apply_flag_settings`", async () => {
    await using cli = await startCli({ version });
    const env = {
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: "4077",
      CLAUDE_CODE_EXTRA_BODY: JSON.stringify({ temperature: 0.5, stop_sequences: ["X"] }),
    };
    await cli.request({ subtype: "apply_flag_settings", settings: { env, effortLevel: "low" } });
    cli.say("hi");
    await cli.result();
    expect(cli.upstream()[0]!.body).toMatchObject({
      max_tokens: 4077,
      temperature: 0.5,
      stop_sequences: ["X"],
      output_config: { effort: "low" },
    });
  });

  test("turns thinking off by `set_max_thinking_tokens 0`", async () => {
    await using cli = await startCli({ version });
    await cli.request({ subtype: "set_max_thinking_tokens", max_thinking_tokens: 0 });
    cli.say("hi");
    await cli.result();
    expect(cli.upstream()[0]!.body.thinking).toEqual({ type: "disabled" });
  });

  test("goes on by itself after max_tokens, which is why a turn is ended there", async () => {
    await using cli = await startCli({ version });
    cli.simulator.play(() => ({ blocks: ["A long answer"], stop: "max_tokens" }));
    cli.say("hi");
    expect((await cli.result()).is_error).toBe(true);
    expect(cli.upstream().length).toBeGreaterThan(1);
  });

  test("asks once for an answer that was refused, as long as CLAUDE_CODE_DISABLE_REFUSAL_RETRY is set", async () => {
    const asked = async (env: Record<string, string | undefined>) => {
      await using cli = await startCli({ version, env });
      cli.simulator.play(() => ({ blocks: ["No."], stop: "refusal" }));
      cli.say("hi");
      expect((await cli.result()).is_error).toBe(true);
      return cli.upstream().length;
    };
    expect(await asked({})).toBe(1);
    expect(await asked({ CLAUDE_CODE_DISABLE_REFUSAL_RETRY: undefined })).toBe(version === "newest" ? 2 : 1);
  }, 30_000);

  test("asks the API for nothing more once its address was taken by `apply_flag_settings`", async () => {
    await using cli = await startCli({ version });
    cli.simulator.play(() => ({ blocks: ["One ", "two"], stop: "max_tokens", paceMs: 100 }));
    cli.say("hi");
    await cli.simulator.message(1);
    await cli.request(seal);
    expect((await cli.result()).is_error).toBe(true);
    expect(cli.upstream()).toHaveLength(1);
  }, 30_000);

  const taken = [
    { instead: "an empty one", env: { ANTHROPIC_BASE_URL: "" }, asks: ["CONNECT api.anthropic.com:443 HTTP/1.1"] },
    { instead: "null", env: { ANTHROPIC_BASE_URL: null }, asks: [] as string[] },
    { instead: "none", env: {}, asks: [] },
  ];
  test.each(taken)(
    "never goes back by itself to the address that it was started with, told $instead",
    async (row) => {
      await using proxy = startRefusingProxy();
      await using cli = await startCli({ version, env: { HTTPS_PROXY: proxy.url } });
      await cli.request(seal);
      await cli.request({ subtype: "apply_flag_settings", settings: { env: row.env } as never });
      cli.say("hi");
      expect((await cli.result()).is_error).toBe(true);
      expect(cli.upstream()).toEqual([]);
      expect([...new Set(proxy.asked)]).toEqual(row.asks);
    },
    30_000,
  );

  test("lets the variables in its home's .claude.json win over its environment", async () => {
    await using other = startSimulator();
    const env = { ANTHROPIC_BASE_URL: other.url };
    await using cli = await startCli({ version, configuration: JSON.stringify({ env }) });
    cli.say("hi");
    await cli.result();
    expect(cli.upstream()).toEqual([]);
    expect(other.requests.filter(({ path }) => path === "/v1/messages")).toHaveLength(1);
  });

  test("takes back the address that it was started with", async () => {
    await using cli = await startCli({ version });
    await cli.request(seal);
    const env = { ANTHROPIC_BASE_URL: cli.simulator.url };
    await cli.request({ subtype: "apply_flag_settings", settings: { env } });
    cli.say("hi");
    expect((await cli.result()).is_error).toBe(false);
    expect(cli.upstream()).toHaveLength(1);
  });

  test("tells its own pid in its answer to `initialize`, and keeps the environment that it was started with readable", async () => {
    const env = { CLAUDE_CODE_EXTRA_BODY: '{"service_tier": "auto"}' };
    await using cli = await startCli({ version, env });
    const { pid } = await cli.request(initialize("A prompt."));
    await cli.request(seal);
    expect(await cli.startedWith(pid, dialNames)).toEqual({
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: undefined,
      CLAUDE_CODE_EXTRA_BODY: env.CLAUDE_CODE_EXTRA_BODY,
      ANTHROPIC_BASE_URL: cli.simulator.url,
    });
    expect(await cli.startedWith(process.pid, dialNames)).toBeNull();
  });

  test("ends the turn and its upstream request at an `interrupt`, and goes once its stdin is closed", async () => {
    await using cli = await startCli({ version });
    cli.simulator.play(() => ({ blocks: ["Too late."], delayMs: 60_000 }));
    cli.say("hi");
    const { ended } = await cli.simulator.message(1);
    await cli.request(interrupt);
    cli.end();
    expect(await ended).toBe("aborted");
    expect(await cli.result()).toMatchObject({ is_error: true, terminal_reason: "aborted_streaming" });
    await cli.exited;
    expect(cli.upstream()).toHaveLength(1);
  });

  test("reads `@file` of a prompt into it, unless CLAUDE_CODE_DISABLE_ATTACHMENTS is set", async () => {
    const upstreamOf = async (env: Record<string, string | undefined>) => {
      await using cli = await startCli({ version, env });
      const file = join(cli.scratch, "secret.txt");
      writeFileSync(file, "the word is xylophone");
      const frame = userFrame([{ type: "text", text: `What is in @${file} ?` }], true);
      cli.send({ ...frame, client_composed: undefined } as never);
      await cli.result();
      return JSON.stringify(cli.upstream()[0]!.body.messages);
    };
    expect(await upstreamOf({ CLAUDE_CODE_DISABLE_ATTACHMENTS: undefined })).toContain("xylophone");
    expect(await upstreamOf({})).not.toContain("xylophone");
  });

  test("takes a last text that begins with `/` for a command; a space before it, or client_composed on the newest, does not", async () => {
    await using cli = await startCli({ version });
    const plain = userFrame([{ type: "text", text: "/clear" }], true);
    cli.send({ ...plain, client_composed: undefined } as never);
    await cli.result();
    expect(cli.upstream()).toEqual([]);
    cli.send(version === "newest" ? plain : userFrame([{ type: "text", text: " /clear" }], true));
    await cli.result();
    expect(cli.upstream()).toHaveLength(1);
  });

  test("sends a prompt that is longer than its own limit, and does not summarise it", async () => {
    await using cli = await startCli({ version });
    const long = "word ".repeat(150_000);
    cli.say(long);
    await cli.result();
    expect(cli.upstream()).toHaveLength(1);
    expect(textsOf(cli.upstream()[0]!.body.messages[0])).toEqual([long]);
  }, 30_000);

  test.each([
    [400, "invalid_request_error"],
    [403, "permission_error"],
    [529, "overloaded_error"],
  ] as const)(
    "reports the API's status %i in the result, and the answer's stream stays empty",
    async (status) => {
      await using cli = await startCli({ version });
      cli.simulator.play(() => ({ status }));
      cli.say("hi");
      expect(await cli.result()).toMatchObject({ is_error: true, api_error_status: status });
      expect(cli.frames.some((frame) => frame.type === "stream_event")).toBe(false);
    },
    30_000,
  );

  test("says when the plan resets, in epoch seconds, before a 429's result", async () => {
    await using cli = await startCli({ version });
    const resetsAt = Math.floor(Date.now() / 1000) + 600;
    const fiveHour = { utilization: 1, resetsAt, status: "rejected" } as const;
    cli.simulator.play(() => ({ status: 429, limits: { status: "rejected", claim: "five_hour", fiveHour } }));
    cli.say("hi");
    expect(await cli.result()).toMatchObject({ is_error: true, api_error_status: 429 });
    const event = cli.frames.find((frame) => frame.type === "rate_limit_event");
    expect(event).toMatchObject({ rate_limit_info: { status: "rejected", resetsAt, rateLimitType: "five_hour" } });
  });

  test("says that a prompt is too long by `terminal_reason`", async () => {
    await using cli = await startCli({ version });
    cli.simulator.play(() => ({ status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum" }));
    cli.say("hi");
    expect(await cli.result()).toMatchObject({ is_error: true, terminal_reason: "prompt_too_long" });
    expect(cli.upstream()).toHaveLength(1);
  });

  test("finishes its turn and goes when its stdin closes, so that no orphan stays", async () => {
    await using cli = await startCli({ version });
    cli.simulator.play(() => ({ blocks: [{ type: "text", text: ["One ", "two"] }], paceMs: 100 }));
    cli.say("hi");
    await cli.simulator.message(1);
    cli.end();
    expect(await cli.result()).toMatchObject({ is_error: false, result: "One two" });
    expect(await cli.exited).toMatchObject({ code: 0 });
  });

  test("leaves nothing of a killed process but what scratch.ts sweeps up", async () => {
    await using cli = await startCli({ version });
    cli.say("hi");
    await cli.result();
    cli.kill();
    await cli.exited;
    const left = readdirSync(cli.scratch, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.includes(String(cli.pid)),
    );
    const swept = new RegExp(
      `^((\\.claude/sessions|cc-socks)/${cli.pid}\\.(json|[0-9a-f]+\\.key|sock)|\\.claude\\.json\\.tmp\\.${cli.pid}\\..*)$`,
    );
    for (const name of left) expect(name).toMatch(swept);
    expect(existsSync(join("/tmp", "cc-socks", `${cli.pid}.sock`))).toBe(false);
  });
});
