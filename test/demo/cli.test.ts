/** The real CLI against the simulated API: what it makes of the answers shows that they are the vendor's. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { type CliVersion, claudeBinary, cliVersions } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { createTemp } from "../harness/temp.ts";

const simulator = startSimulator();
afterEach(() => simulator.reset());
afterAll(() => simulator.stop());

/** A line of the CLI's stream-json output. */
interface Line {
  type: string;
  event?: { type: string; delta?: { text?: string } };
  rate_limit_info?: Record<string, unknown>;
  is_error?: boolean;
  api_error_status?: number | null;
  stop_reason?: string | null;
  result?: string;
  usage?: Record<string, unknown>;
}

/** `onText` hears the text so far, each time it has grown, and may kill the CLI. */
async function askCli(cli: CliVersion, prompt: string, onText: (text: string, kill: () => void) => void = () => {}) {
  await using temp = await createTemp();
  const flags = [
    "--output-format",
    "stream-json",
    "--verbose",
    "--include-partial-messages",
    "--no-session-persistence",
  ];
  const child = Bun.spawn(
    [claudeBinary(cli), "-p", ...flags, "--model", "claude-sonnet-4-6", "--tools", "", "--setting-sources", ""],
    {
      cwd: temp.home,
      env: testEnv(temp.home, {
        ANTHROPIC_BASE_URL: simulator.url,
        CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
        CLAUDE_CODE_MAX_RETRIES: "0",
        CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      }),
      stdin: new Blob([prompt]),
      stdout: "pipe",
      stderr: "ignore",
      timeout: 30_000,
    },
  );
  const lines: Line[] = [];
  let text = "";
  for await (const line of readLines(child.stdout)) {
    lines.push(line);
    const more = line.event?.delta?.text;
    if (!more) continue;
    text += more;
    onText(text, () => child.kill("SIGKILL"));
  }
  await child.exited;
  const result = lines.findLast(({ type }) => type === "result");
  if (!result) throw new Error(`The CLI reported no result: ${JSON.stringify(lines.at(-1))}`);
  return { lines, text, result };
}

async function* readLines(stdout: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Line;
  }
}

const usage = { input: 3, cacheRead: 100, cacheWrite: 20, output: 50, thinking: 9 };

describe.each(cliVersions)("the %s CLI", (cli) => {
  test("streams a scripted text and reports its usage", async () => {
    simulator.play(() => ({ blocks: [{ type: "text", text: ["Good ", "morning", "."] }], usage }));
    const { lines, text, result } = await askCli(cli, "hi");
    expect(text).toBe("Good morning.");
    expect(lines.filter(({ event }) => event?.delta?.text)).toHaveLength(3);
    expect(result).toMatchObject({ is_error: false, result: "Good morning.", stop_reason: "end_turn" });
    expect(result.usage).toMatchObject({
      input_tokens: 3,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 20,
      output_tokens: 50,
    });
    const { body, headers, query } = await simulator.message(1);
    expect(body).toMatchObject({ model: "claude-sonnet-4-6", stream: true });
    expect(headers.authorization).toBe("Bearer sk-ant-oat01-test");
    expect(query).toBe("?beta=true");
    expect(simulator.requests.filter(({ path }) => path === "/v1/messages")).toHaveLength(1);
  });

  test("gets the default answer, which shows the prompt and none of the CLI's reminders", async () => {
    const { text } = await askCli(cli, "What is the capital of France?");
    expect(text).toStartWith("This is a simulated answer: no model was asked.");
    expect(text).toEndWith("You said: What is the capital of France?");
    expect(text).not.toContain("system-reminder");
  });

  test("passes a marker on", async () => {
    const { text } = await askCli(cli, 'Please [[demo {"blocks":["from ","the marker"]}]]');
    expect(text).toBe("from the marker");
  });

  test.each([400, 401, 403, 404, 413, 429, 500, 529] as const)("reports a %d as such", async (status) => {
    simulator.play(() => ({ status }));
    const { text, result } = await askCli(cli, "hi");
    expect(text).toBe("");
    expect(result).toMatchObject({ is_error: true, api_error_status: status });
  });

  test("reads from a 429 when the plan's window resets", async () => {
    const resetsAt = Math.ceil(Date.now() / 1000) + 7200;
    const limits = { status: "rejected", claim: "five_hour", fiveHour: { utilization: 1, resetsAt } } as const;
    simulator.play(() => ({ status: 429, retryAfter: 7200, limits }));
    const { lines } = await askCli(cli, "hi");
    const told = lines.findLast(({ type }) => type === "rate_limit_event");
    expect(told?.rate_limit_info).toMatchObject({ status: "rejected", rateLimitType: "five_hour", resetsAt });
  });

  test("reports a prompt over the window as too long", async () => {
    simulator.play(() => ({ status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum" }));
    const { result } = await askCli(cli, "hi");
    expect(result).toMatchObject({ is_error: true, result: expect.stringMatching(/^Prompt is too long/) });
  });

  test("fails on an error in mid-stream", async () => {
    const blocks = [{ type: "text" as const, text: ["Good ", "morning"] }];
    simulator.play(() => ({ blocks, fault: { kind: "error", after: 1 } }));
    const { text, result } = await askCli(cli, "hi");
    expect(text).toBe("Good ");
    expect(result).toMatchObject({ is_error: true, result: expect.stringContaining("Overloaded") });
  });

  test("fails on a connection that is cut after some text", async () => {
    const blocks = [{ type: "text" as const, text: ["Good ", "morning"] }];
    simulator.play(() => ({ blocks, fault: { kind: "stall", after: 1 } }));
    const { text, result } = await askCli(cli, "hi", async () => (await simulator.message(1)).cut());
    expect(text).toBe("Good ");
    expect(result).toMatchObject({ is_error: true, result: expect.stringContaining("Connection") });
  });

  test("is seen to leave when it is killed in mid-stream", async () => {
    simulator.play(() => ({ blocks: ["Good morning"], fault: { kind: "stall", after: 1 } }));
    const answer = askCli(cli, "hi", (_text, kill) => kill()).catch((error: Error) => error.message);
    const received = await simulator.message(1);
    expect(await received.ended).toBe("aborted");
    expect(await answer).toStartWith("The CLI reported no result");
  });
});
