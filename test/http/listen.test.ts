import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { OcpError } from "../../src/core/errors.ts";
import { idleSeconds, listen } from "../../src/server/listen.ts";
import { aborted, blockStart, contentOf, ending, hello, helloStream, serve, start, text } from "./served.ts";

function refusalOf(action: () => unknown): OcpError {
  try {
    action();
  } catch (error) {
    if (error instanceof OcpError) return error;
    throw error;
  }
  throw new Error("expected an OcpError");
}

function post(url: string, body: object): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) });
}

describe("listening", () => {
  test("on port 0 takes a free one and says which", async () => {
    await using server = serve().listen();
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    const response = await fetch(`${server.url}/v1/models`);
    expect([response.status, response.headers.get("x-request-id")]).toEqual([200, expect.stringMatching(/^req_/)]);
  });

  test("on a taken port is an error that names it, and the first server keeps all of it", async () => {
    await using first = serve().listen();
    const { app, admission } = serve();
    const error = refusalOf(() => listen(app, { port: first.port, bind: "127.0.0.1", admission }));
    expect([error.code, error.reason]).toEqual(["not_ready", "port_taken"]);
    expect(error.message).toContain(`port ${first.port}`);
    expect((await fetch(first.url)).status).toBe(200);
  });

  test("on an address of another machine is an error that says so", () => {
    const { app, admission } = serve();
    const error = refusalOf(() => listen(app, { port: 0, bind: "192.0.2.1", admission }));
    expect(error.reason).toBe("cannot_listen");
    expect(error.message).toContain("192.0.2.1");
  });

  test("on all addresses gives a URL to connect to", async () => {
    const { app, admission } = serve();
    const server = listen(app, { port: 0, bind: "0.0.0.0", admission });
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect((await fetch(server.url)).status).toBe(200);
    await server.stop(0);
  });
});

test("an answer may take longer than the idle timeout, which is lifted for its request alone", async () => {
  const served = serve();
  await using server = served.listen();
  const lifted: Array<[string, number]> = [];
  served.app.server!.timeout = (request, seconds) => {
    lifted.push([new URL(request.url).pathname, seconds]);
  };
  await (await post(server.url, helloStream)).text();
  await (await fetch(`${server.url}/health`)).text();
  // Once while its body comes, once while the answer does.
  const lift: typeof lifted = [
    ["/v1/chat/completions", 0],
    ["/v1/chat/completions", idleSeconds],
  ];
  expect(lifted).toEqual([...lift, ...lift]);
});

test("a connection that stays open after an answer is closed when it is idle again", async () => {
  const served = serve();
  await using server = served.listen();
  const socketServer = served.app.server!;
  const timeout = socketServer.timeout.bind(socketServer);
  socketServer.timeout = (request, seconds) => timeout(request, seconds === idleSeconds ? 1 : seconds);
  const asked = [hello, helloStream].map(async (body) => {
    const json = JSON.stringify(body);
    const socket = connect(server.port, "127.0.0.1");
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    );
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
  });
  await Promise.all(asked);
}, 15_000);

describe("stopping", () => {
  test("lets a running answer end, and refuses what waits and what comes", async () => {
    const more = Promise.withResolvers<void>();
    const served = serve({
      env: { CLAUDE_MAX_CONCURRENT: "1" },
      async *script() {
        yield start;
        yield blockStart;
        yield text("Hel");
        await more.promise;
        yield text("lo");
        yield* ending;
      },
    });
    const server = served.listen();
    const running = await post(server.url, helloStream);
    const waiting = post(server.url, helloStream);
    while (served.admission.stats().waiting === 0) await new Promise(setImmediate);
    const stopped = server.stop(60_000);
    expect((await waiting).status).toBe(503);
    await expect(post(server.url, helloStream)).rejects.toThrow();
    more.resolve();
    expect(contentOf(await running.text())).toBe("Hello");
    await stopped;
  });

  test("cuts what is not done after the grace, and the turn hears of it", async () => {
    const heard = Promise.withResolvers<void>();
    const served = serve({
      async *script(_conversation, { signal }) {
        yield start;
        await aborted(signal);
        heard.resolve();
        throw signal.reason;
      },
    });
    const server = served.listen();
    const response = await post(server.url, helloStream);
    const read = response.text().then(
      () => "complete",
      () => "cut",
    );
    await server.stop(10);
    await heard.promise;
    expect(await read).toBe("cut");
    expect(served.admission.stats().running).toBe(0);
  });

  test("does not wait for connections that only stay open", async () => {
    const server = serve().listen();
    const socket = connect(server.port, "127.0.0.1");
    socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await server.stop(60_000);
    socket.destroy();
    await closed;
  });
});
