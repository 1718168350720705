import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { errorOf, hello, says, serve } from "./served.ts";

const limit = 2_000;
const small = { env: { CLAUDE_MAX_BODY_SIZE: String(limit) } };
const path = "/v1/chat/completions";

/** JSON of exactly this many bytes. */
function bodyOf(bytes: number, filler = "a"): string {
  const frame = (content: string) => JSON.stringify({ messages: [{ role: "user", content }] });
  const room = bytes - frame("").length;
  const filled = filler.repeat(Math.floor(room / Buffer.byteLength(filler)));
  return frame(filled.padEnd(filled.length + room - Buffer.byteLength(filled), "a"));
}

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

describe("a request body", () => {
  test.each<{
    name: string;
    body: NonNullable<RequestInit["body"]>;
    message: RegExp;
    headers?: Record<string, string>;
  }>([
    { name: "no body", body: "", message: /no body/ },
    { name: "broken JSON", body: '{"messages": [{"role": "secret-prompt"', message: /not valid JSON/ },
    { name: "a string", body: '"secret-prompt"', message: /JSON object/ },
    { name: "null", body: "null", message: /JSON object/ },
    { name: "an array", body: "[]", message: /JSON object/ },
    { name: "bytes that are no UTF-8", body: new Uint8Array([0x7b, 0xff, 0x7d]), message: /UTF-8/ },
    { name: "JSON that is too deep", body: `${"[".repeat(400_000)}`, message: /levels deep/ },
    {
      name: "a compressed one",
      body: gzipSync(JSON.stringify(hello)),
      headers: { "content-encoding": "gzip" },
      message: /[Cc]ompressed/,
    },
  ])("of $name is a 400 with a sentence and without the prompt", async ({ body, message, headers }) => {
    const response = await serve().send(path, { method: "POST", body, ...(headers ? { headers } : {}) });
    const text = await response.text();
    expect(response.status).toBe(400);
    expect(JSON.parse(text).error.message).toMatch(message);
    expect(text).not.toContain("secret-prompt");
  });

  test.each([{}, { "content-type": "text/plain" }, { "content-type": "application/x-www-form-urlencoded" }])(
    "is JSON whatever the content type says: %j",
    async (headers: Record<string, string>) => {
      const response = await serve().chat(hello, { headers });
      expect(response.status).toBe(200);
    },
  );

  test("may begin with a byte order mark", async () => {
    const response = await serve().send(path, { method: "POST", body: `\uFEFF${JSON.stringify(hello)}` });
    expect(response.status).toBe(200);
  });

  test("keeps characters whole whose bytes come apart", async () => {
    const heard: string[] = [];
    const { send } = serve({
      async *script(conversation, context) {
        heard.push(JSON.stringify(conversation.messages));
        yield* says("ok")(conversation, context);
      },
    });
    const bytes = new TextEncoder().encode(JSON.stringify({ messages: [{ role: "user", content: "é€😀" }] }));
    const body = streamOf(...Array.from(bytes, (byte) => new Uint8Array([byte])));
    await send(path, { method: "POST", body });
    expect(heard.join()).toContain("é€😀");
  });

  test.each(["a", "😀"])("of exactly the limit is taken, and one byte more is a 413 (%s)", async (filler) => {
    const { send } = serve(small);
    for (const [bytes, status] of [
      [limit, 200],
      [limit + 1, 413],
    ] as const) {
      const body = bodyOf(bytes, filler);
      expect(Buffer.byteLength(body)).toBe(bytes);
      expect((await send(path, { method: "POST", body })).status).toBe(status);
    }
  });

  test("that is announced too large is refused before it comes", async () => {
    const body = new ReadableStream({ pull: () => new Promise(() => {}) });
    const headers = { "content-length": String(limit + 1) };
    const response = await serve(small).send(path, { method: "POST", body, headers });
    expect(response.status).toBe(413);
    const { value } = await response.body!.getReader().read();
    expect(JSON.parse(new TextDecoder().decode(value)).error.code).toBe("body_too_large");
  });

  test("that turns out too large is not read further", async () => {
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          chunks++;
          controller.enqueue(new Uint8Array(1_000));
        },
      },
      { highWaterMark: 0 },
    );
    const response = await serve(small).send(path, { method: "POST", body });
    expect(response.status).toBe(413);
    expect(chunks).toBeLessThan(6);
  });

  test("that is too large gets JSON over a socket too, however it is sent", async () => {
    await using server = serve(small).listen();
    const large = new Uint8Array(3_000_000);
    const bodies: Array<() => NonNullable<RequestInit["body"]>> = [() => large, () => streamOf(large)];
    for (const body of bodies) {
      const response = await fetch(server.url + path, { method: "POST", body: body() });
      expect(response.status).toBe(413);
      expect((await errorOf(response)).message).toContain("CLAUDE_MAX_BODY_SIZE");
    }
  });

  test("that the client cuts off is no error of the server", async () => {
    const ended = Promise.withResolvers<void>();
    const served = serve();
    await using server = served.listen();
    const { push } = served.lines;
    served.lines.push = (...lines) => {
      ended.resolve();
      return push.apply(served.lines, lines);
    };
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"mess`, () =>
      socket.destroy(),
    );
    await ended.promise;
    expect(served.lines).toHaveLength(1);
    expect(served.lines[0]).toMatchObject({ level: "info", fields: { status: 499, outcome: "client_left" } });
    expect(served.admission.stats().running).toBe(0);
  });
});
