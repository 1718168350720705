/** A client that reads its stream slowly, or not at all, keeps neither a process nor a place from others. */

import { expect, test } from "bun:test";
import { connect } from "node:net";
import { createFakeCli, ending, messageStart, text, textStart } from "../harness/fake-cli.ts";
import { startOcp } from "../harness/ocp.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, user } from "./client.ts";

/** More than the buffers of a connection hold. */
const large = Array.from({ length: 20_000 }, (_, i) => text(`${i} ${"x".repeat(1_000)}`));
const messages = [user("Hi.")];

test("an answer that is complete has given its place back, though the client has read none of it", async () => {
  await using temp = await createTemp();
  const cli = createFakeCli(temp.path);
  cli.says([messageStart, textStart, ...large, ...ending]);
  const env = { CLAUDE_BIN: cli.bin, CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "0" };
  await using ocp = await startOcp({ target: "source", env });
  const health = async () => (await (await fetch(`${ocp.url}/health`)).json()) as any;

  const body = JSON.stringify({ messages, stream: true });
  const socket = connect(Number(new URL(ocp.url).port), "127.0.0.1");
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  while ((await health()).concurrency.inflight > 0);
  await waitUntilNobodyAtHome(`${ocp.home}/.ocp`);

  cli.says([messageStart, textStart, text("Hello "), text("world"), ...ending]);
  const other = await ask(ocp, { messages });
  expect(other.status).toBe(200);
  expect(other.body.choices[0].message.content).toBe("Hello world");

  // The first is still served, to its end.
  let received = "";
  socket.on("data", (data) => {
    received = (received + data).slice(-5_000);
    if (received.includes("[DONE]")) socket.end();
  });
  socket.resume();
  await new Promise((resolve) => socket.once("close", resolve));
  expect(received).toContain("19999 x");
  expect(received).toContain('"finish_reason":"stop"');
  expect(received).toContain("[DONE]");
}, 20_000);
