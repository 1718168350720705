/** A server that goes down says so to the clients whose answers it ends, in the form that they expect an error in. */

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { loadSettings } from "../../src/config/load.ts";
import { createDirectories, resolvePaths } from "../../src/config/paths.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { start } from "../../src/services.ts";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { createFakeCli, text as delta, ending, messageStart, textStart } from "../harness/fake-cli.ts";
import { waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, post, readStream, user } from "./client.ts";

const messages = [user("Count.")];

test("a stop before the answers' ends is an error frame and a 503, and leaves no child", async () => {
  await using temp = await createTemp();
  await using simulator = startSimulator();
  const environment = testEnv(temp.home, {
    CLAUDE_BIN: claudeBinary(),
    CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
    OCP_UPSTREAM_URL: simulator.url,
    // One caller gets all but one.
    CLAUDE_MAX_CONCURRENT: "4",
  });
  const settings = loadSettings(environment, { port: "0" }, { memory: 2 ** 34 });
  const end = { atExit() {}, onDefect() {} };
  const paths = resolvePaths(environment);
  createDirectories(paths);
  const server = await start(settings, {
    demo: false,
    self: [],
    version: "1.2.3",
    paths,
    environment,
    stderr() {},
    ending: end,
  });

  simulator.play(({ body }) =>
    JSON.stringify(body).includes("Wait.")
      ? { blocks: ["Never."], delayMs: 60_000 }
      : { blocks: [{ type: "text", text: ["One ", "two ", "three."] }], fault: { kind: "stall", after: 2 } },
  );
  const begun = await post(server, { messages, stream: true });
  const streamed = readStream(begun);
  const others = [ask(server, { messages }), ask(server, { messages: [user("Wait.")], stream: true })];
  await simulator.message(3);
  const queued = ask(server, { messages });
  const health = async () => (await (await fetch(`${server.url}/health`)).json()) as any;
  while ((await health()).concurrency.queued === 0);

  await server.stop(300);
  const { text, error, finishReasons } = await streamed;
  expect("One two ").toStartWith(text);
  expect(text).toStartWith("One ");
  expect(error.message).toContain("shutting down");
  expect(finishReasons).toEqual([]);
  for (const { status, body } of await Promise.all([...others, queued])) {
    expect(status).toBe(503);
    expect(body.error.message).toContain("shutting down");
  }
  await waitUntilNobodyAtHome(temp.home);
  await expect(post(server, { messages })).rejects.toThrow();
});

test("an answer that its client has not read by then is accounted for", async () => {
  await using temp = await createTemp();
  const cli = createFakeCli(temp.path);
  const large = Array.from({ length: 20_000 }, (_, i) => delta(`${i} ${"x".repeat(1_000)}`));
  cli.says([messageStart, textStart, ...large, ...ending]);
  const environment = testEnv(temp.home, { CLAUDE_BIN: cli.bin, CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test" });
  const settings = loadSettings(environment, { port: "0" }, { memory: 2 ** 34 });
  const paths = resolvePaths(environment);
  createDirectories(paths);
  const end = { atExit() {}, onDefect() {} };
  const server = await start(settings, {
    demo: false,
    self: [],
    version: "1.2.3",
    paths,
    environment,
    stderr() {},
    ending: end,
  });

  const body = JSON.stringify({ messages, stream: true });
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  const health = async () => (await (await fetch(`${server.url}/health`)).json()) as any;
  await waitUntil("the CLI has said all of it", async () => (await health()).concurrency.inflight === 0, 20_000);
  await server.stop(100);
  socket.destroy();
  using db = new Database(join(paths.data, "ocp.db"), { readonly: true });
  expect(db.query("select outcome, charged_requests from usage").all()).toEqual([
    { outcome: "client_left", charged_requests: 1 },
  ]);
}, 20_000);
