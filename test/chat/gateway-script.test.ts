/**
 * A CLAUDE_BIN that is a script may set what the CLI runs with: a gateway's address, headers, parameters. Every request
 * of every turn goes to that gateway and to no other host, however a process comes to its turn.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AnswerScript } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type RefusingProxy, startRefusingProxy } from "../claude/proxy.ts";
import { type CliVersion, claudeBinary, cliVersions } from "../harness/claude.ts";
import { type Ocp, startOcp } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { ask, assistant, user } from "./client.ts";
import { messageRequests, sessionOf } from "./upstream.ts";

interface Script {
  name: string;
  /** Its last lines; `cli` is the path of the real one. */
  run: (cli: string) => string;
  /** Whether the address stands in the CLI's own configuration, in a home that the script leads it to. */
  inHome?: boolean;
  /** Whether the address stands in an option that the script adds. */
  inOption?: boolean;
  /** Whether the conversation stays in one process. */
  lives: boolean;
  clis: readonly CliVersion[];
}

const scripts: Script[] = [
  { name: "becomes the CLI", run: (cli) => `exec '${cli}' "$@"`, lives: true, clis: cliVersions },
  { name: "starts the CLI and waits for it", run: (cli) => `'${cli}' "$@"\nexit $?`, lives: true, clis: ["oldest"] },
  {
    name: "hides the CLI's environment",
    run: (cli) => `exec env CLAUDE_CODE_TMPDIR="$TMPDIR" '${cli}' "$@"`,
    lives: false,
    clis: ["newest"],
  },
  {
    name: "leads the CLI to a home of its own",
    run: (cli) => `export HOME="$TMPDIR"\nexec '${cli}' "$@"`,
    inHome: true,
    lives: false,
    clis: cliVersions,
  },
  {
    name: "adds an option that names the gateway",
    run: (cli) => `exec '${cli}' --settings "$GATEWAY_SETTINGS" "$@"`,
    inOption: true,
    lives: false,
    clis: cliVersions,
  },
];

const look = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };
const cases = scripts.flatMap((script) => script.clis.map((cli) => ({ cli, script, name: script.name })));

describe.each(cases)("a script that $name ($cli CLI)", ({ cli, script }) => {
  let temp: Temp;
  let gateway: Simulator;
  let proxy: RefusingProxy;
  let ocp: Ocp;

  beforeAll(async () => {
    temp = await createTemp();
    gateway = startSimulator();
    proxy = startRefusingProxy();
    const env = gatewayEnvironment(temp, gateway, cli, script, proxy);
    ocp = await startOcp({ target: "binary", temp, env });
  });
  beforeEach(() => gateway.reset());
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await gateway.stop();
    await temp.remove();
  });

  /** Asks turn after turn, each with these parameters, and returns what the gateway got. */
  const converse = async (turns: Array<Record<string, unknown>>) => {
    const messages: unknown[] = [];
    for (const [number, parameters] of turns.entries()) {
      messages.push(user(`Question ${number}.`));
      const { status, body } = await ask(ocp, { messages, ...parameters });
      expect({ status, error: body.error }).toEqual({ status: 200, error: undefined });
      messages.push(assistant(body.choices[0].message.content));
    }
    expect(proxy.asked).toEqual([]);
    return messageRequests(gateway);
  };

  test("has every turn of a conversation at its gateway, with its header", async () => {
    const requests = await converse([{}, {}, {}, {}]);
    expect(requests).toHaveLength(4);
    expect(requests.map(({ headers }) => headers["x-gateway-key"])).toEqual(["mine", "mine", "mine", "mine"]);
    expect(new Set(requests.map(sessionOf)).size).toBe(script.lives ? 1 : 4);
  }, 60_000);

  test("keeps its own parameters after a turn that had others", async () => {
    const requests = await converse([{}, { max_tokens: 4_000, temperature: 0.5 }, {}]);
    expect(requests.map(({ body }) => [body?.max_tokens, body?.temperature])).toEqual([
      [5_555, undefined],
      [4_000, 0.5],
      [5_555, undefined],
    ]);
    expect(requests.map(({ body }) => body?.service_tier).filter((_, at) => at !== 1)).toEqual(
      Array(2).fill("standard_only"),
    );
  }, 60_000);

  test("has every step of a tool loop at its gateway", async () => {
    gateway.play(({ number }) =>
      number <= 3 ? { blocks: [{ type: "tool_use", id: `toolu_${number}`, name: "look", input: {} }] } : undefined,
    );
    const messages: unknown[] = [user("Look three times.")];
    for (let step = 1; step <= 3; step++) {
      const { body } = await ask(ocp, { messages, tools: [look] });
      const { message } = body.choices[0];
      messages.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: `seen ${step}` });
    }
    expect((await ask(ocp, { messages, tools: [look] })).status).toBe(200);
    expect(messageRequests(gateway)).toHaveLength(4);
    expect(proxy.asked).toEqual([]);
  }, 60_000);

  test("has what follows an answer that was cut off by its length at its gateway", async () => {
    // As of a model, whose answer does not end in the moment in which it begins.
    const long: AnswerScript = { blocks: ["A long answer"], stop: "max_tokens", paceMs: 200 };
    gateway.play(({ number }) => (number === 1 ? long : undefined));
    const first = await ask(ocp, { messages: [user("At length.")] });
    expect(first.body.choices[0].finish_reason).toBe("length");
    const messages = [user("At length."), assistant("A long answer"), user("Go on.")];
    expect((await ask(ocp, { messages })).status).toBe(200);
    expect(messageRequests(gateway)).toHaveLength(2);
    expect(proxy.asked).toEqual([]);
  }, 60_000);

  test("has the conversations of spares at its gateway", async () => {
    await waitUntil(
      "a spare waits",
      async () => {
        const { processes } = (await (await fetch(`${ocp.url}/health`)).json()) as any;
        return processes.spare > 0;
      },
      30_000,
    );
    gateway.reset();
    const path = await ask(ocp, { messages: [user("Somebody new.")] });
    expect(path.status).toBe(200);
    const next = [user("Somebody new."), assistant(path.body.choices[0].message.content), user("And more.")];
    expect((await ask(ocp, { messages: next })).status).toBe(200);
    expect(messageRequests(gateway)).toHaveLength(2);
    expect(proxy.asked).toEqual([]);
  }, 60_000);
});

test("in the interactive mode has every turn at its gateway too", async () => {
  await using temp = await createTemp();
  await using gateway = startSimulator();
  await using proxy = startRefusingProxy();
  const env = gatewayEnvironment(temp, gateway, "newest", scripts[0]!, proxy);
  await using ocp = await startOcp({ target: "binary", temp, env: { ...env, CLAUDE_TUI_MODE: "1" } });
  const first = await ask(ocp, { messages: [user("One.")] });
  const messages = [user("One."), assistant(first.body.choices[0].message.content), user("Two.")];
  expect((await ask(ocp, { messages })).status).toBe(200);
  expect(messageRequests(gateway)).toHaveLength(2);
  expect(proxy.asked).toEqual([]);
}, 60_000);

function gatewayEnvironment(temp: Temp, gateway: Simulator, cli: CliVersion, script: Script, proxy: RefusingProxy) {
  const bin = join(temp.path, "claude-by-gateway");
  const address = { env: { ANTHROPIC_BASE_URL: gateway.url } };
  const lines = [
    "#!/bin/sh",
    ...(script.inHome || script.inOption ? [] : [`export ANTHROPIC_BASE_URL='${gateway.url}'`]),
    ...(script.inOption ? [`export GATEWAY_SETTINGS='${JSON.stringify(address)}'`] : []),
    "export ANTHROPIC_CUSTOM_HEADERS='x-gateway-key: mine'",
    "export CLAUDE_CODE_MAX_OUTPUT_TOKENS=5555",
    `export CLAUDE_CODE_EXTRA_BODY='{"service_tier":"standard_only"}'`,
    script.run(claudeBinary(cli)),
  ];
  if (script.inHome) writeFileSync(join(temp.home, "tmp", ".claude.json"), JSON.stringify(address));
  writeFileSync(bin, `${lines.join("\n")}\n`);
  chmodSync(bin, 0o755);
  return {
    CLAUDE_BIN: bin,
    OCP_UPSTREAM_URL: undefined,
    OCP_LIVE_MAX: "8",
    OCP_SPARES: "1",
    // Whatever does not go to the gateway asks the proxy, which refuses it.
    HTTPS_PROXY: proxy.url,
    HTTP_PROXY: proxy.url,
    NO_PROXY: "127.0.0.1",
  };
}
