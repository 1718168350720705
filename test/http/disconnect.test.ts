import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { contentOf, hangs, hello, helloStream, type Script, says, serve, start } from "./served.ts";

/** Sends a chat request on a socket of its own, so that leaving means closing it. */
function ask(port: number, body: object): Socket {
  const json = JSON.stringify(body);
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
  );
  return socket;
}

/** Promises for the moments of a turn that hangs. */
function moments() {
  const [started, aborted, returned] = [0, 0, 0].map(() => Promise.withResolvers<void>());
  const script = hangs({ started: started!.resolve, aborted: aborted!.resolve, returned: returned!.resolve });
  return { script, started: started!.promise, aborted: aborted!.promise, returned: returned!.promise };
}

function endOf(served: ReturnType<typeof serve>): Promise<void> {
  return new Promise((resolve) => {
    const { push } = served.lines;
    served.lines.push = (...lines) => {
      queueMicrotask(resolve);
      return push.apply(served.lines, lines);
    };
  });
}

describe.each([
  ["a stream", helloStream, 200],
  ["one JSON", hello, 499],
])("a client that leaves while it waits for %s", (_name, body, status) => {
  test("stops the running turn, and frees its place", async () => {
    const { script, started, aborted, returned } = moments();
    const served = serve({ script, env: { CLAUDE_MAX_CONCURRENT: "1" } });
    await using server = served.listen();
    const ended = endOf(served);
    const socket = ask(server.port, body);
    if (status === 200) await new Promise((resolve) => socket.once("data", resolve));
    await started;
    expect(served.admission.stats().running).toBe(1);
    socket.destroy();
    await Promise.all([aborted, returned, ended]);
    expect(served.admission.stats()).toEqual({ running: 0, waiting: 0, rejected: 0 });
    expect(served.requests()).toEqual([expect.objectContaining({ status, outcome: "client_left" })]);
    expect(served.lines).toHaveLength(1);
  });

  test("frees its place even when the turn does not hear the signal", async () => {
    const started = Promise.withResolvers<void>();
    const hung = Promise.withResolvers<void>();
    const freed = Promise.withResolvers<void>();
    const script: Script = async function* (_conversation, { signal }) {
      signal.addEventListener("abort", () => setImmediate(freed.resolve));
      started.resolve();
      yield start;
      await hung.promise;
    };
    const served = serve({ script });
    await using server = served.listen();
    const socket = ask(server.port, body);
    await started.promise;
    expect(served.admission.stats().running).toBe(1);
    socket.destroy();
    await freed.promise;
    expect(served.admission.stats().running).toBe(0);
    hung.resolve();
  });

  test("leaves the queue at once, and the next in it is not held up", async () => {
    const runs: string[] = [];
    const script: Script = async function* ({ messages }) {
      const [block] = messages[0]!.content;
      runs.push(block?.type === "text" ? block.text : "");
      yield start;
    };
    const served = serve({ script, env: { CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "1" } });
    await using server = served.listen();
    const ended = endOf(served);
    const holder = await served.admission.acquire("x", new AbortController().signal);
    const socket = ask(server.port, { ...body, messages: [{ role: "user", content: "left" }] });
    while (served.admission.stats().waiting === 0) await new Promise(setImmediate);
    socket.destroy();
    await ended;
    expect(served.admission.stats()).toEqual({ running: 1, waiting: 0, rejected: 0 });
    expect(served.requests()).toEqual([expect.objectContaining({ status: 499, outcome: "client_left" })]);
    const next = fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ ...body, messages: [{ role: "user", content: "next" }] }),
    });
    while (served.admission.stats().waiting === 0) await new Promise(setImmediate);
    holder.release();
    await (await next).text();
    expect(runs).toEqual(["next"]);
  });
});

describe("a stream whose body is cancelled without a socket", () => {
  test("ends the turn as well", async () => {
    const { script, returned } = moments();
    const served = serve({ script });
    const response = await served.chat(helloStream);
    await response.body!.cancel();
    await returned;
    expect(served.admission.stats().running).toBe(0);
    expect(served.requests()).toEqual([expect.objectContaining({ outcome: "client_left" })]);
  });
});

test("of many clients a quarter leaves at once, and every other one is answered right", async () => {
  const script: Script = async function* (conversation, context) {
    for await (const event of says("0", "1", "2", "3", "4")(conversation, context)) {
      await new Promise(setImmediate);
      context.signal.throwIfAborted();
      yield event;
    }
  };
  const served = serve({ script, env: { CLAUDE_MAX_QUEUE: "200" } });
  await using server = served.listen();
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const client = new AbortController();
      const body = JSON.stringify(i % 2 ? helloStream : hello);
      const sent = fetch(`${server.url}/v1/chat/completions`, { method: "POST", body, signal: client.signal });
      if (i % 4 === 0) client.abort();
      const text = await sent.then(
        (response) => response.text(),
        () => "left",
      );
      return i % 2 ? contentOf(text) : text === "left" ? text : JSON.parse(text).choices[0].message.content;
    }),
  );
  while (served.admission.stats().running > 0) await new Promise(setImmediate);
  expect(answers).toEqual(answers.map((_, i) => (i % 4 === 0 ? "left" : "01234")));
  expect(served.admission.stats().waiting).toBe(0);
});
