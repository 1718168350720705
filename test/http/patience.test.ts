/** How long the built server waits for whom: these tests take as long as it does. */

import { describe, expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { startOcp, targets } from "../harness/ocp.ts";
import { head, raw } from "./raw.ts";

const path = "/v1/chat/completions";

describe.each(targets().slice(-1))("a server from %s", (target) => {
  test("cuts heads and bodies that do not come, and neither long answers nor long uploads", async () => {
    await using simulator = startSimulator({ paceMs: 1_000 });
    await using ocp = await startOcp({ target, simulator });
    const port = Number(new URL(ocp.url).port);
    const begin = (text: string) => raw({ port }, text);
    const every = (ms: number, write: () => void) => setInterval(write, ms);

    using silent = begin("");
    using halfHead = begin("POST /v1/chat/completions HTTP/1.1\r\nHost: loc");
    using slowHead = begin("GET / HTTP/1.1\r\nHost: localhost\r\n");
    using halfBody = begin(`${head("POST", path, { "Content-Length": 100 })}{"mess`);
    using slowBody = begin(head("POST", path, { "Transfer-Encoding": "chunked" }));
    const drips = [
      every(500, () => slowHead.socket.write("X-A: b\r\n")),
      every(1_500, () => slowBody.socket.write("1\r\n \r\n")),
    ];

    const words = Array.from({ length: 26 }, (_, at) => `word${at}`);
    const content = `[[demo ${JSON.stringify({ blocks: [words.join(" ")] })}]]`;
    const request = { stream: true, messages: [{ role: "user", content }] };
    const answer = fetch(ocp.url + path, { method: "POST", body: JSON.stringify(request) }).then((r) => r.text());

    const upload = JSON.stringify({ model: "nobody's", messages: [{ role: "user", content: "x".repeat(26_000) }] });
    using longUpload = begin(head("POST", path, { "Content-Length": upload.length }));
    let sent = 0;
    drips.push(
      every(1_000, () => {
        longUpload.socket.write(upload.slice(sent, sent + 1_000));
        sent += 1_000;
      }),
    );

    for (const cut of [silent, halfHead, slowHead]) expect(await cut.closed).toBe("");
    for (const cut of [halfBody, slowBody]) expect(await cut.closed).toMatch(/^HTTP\/1\.1 408 [\s\S]*slow_request/);
    await longUpload.said("model_not_found");
    expect(await answer).toContain("[DONE]");
    expect(String((await answer).match(/word\d+/g))).toBe(String(words));
    for (const drip of drips) clearInterval(drip);
    expect((await fetch(`${ocp.url}/health`)).status).toBe(200);
  }, 60_000);

  test("answers wrong keys later and later, then with 429, and right keys and other addresses at once", async () => {
    const admin = "the-key-of-the-admin";
    await using ocp = await startOcp({ target, env: { CLAUDE_AUTH_MODE: "multi", OCP_ADMIN_KEY: admin } });
    const port = Number(new URL(ocp.url).port);
    const ask = (key: string, from: string) =>
      raw({ port, from }, head("GET", "/v1/models", { Authorization: `Bearer ${key}`, Connection: "close" }));
    const statuses: string[] = [];
    for (let count = 0; count < 9; count++) {
      using one = ask(`guess-${count}`, "127.0.0.2");
      statuses.push((await one.closed).slice(9, 12));
    }
    expect(statuses).toEqual(Array.from({ length: 9 }, () => "401"));

    using held = ask("another-guess", "127.0.0.2");
    using right = ask(admin, "127.0.0.2");
    using other = ask("a-first-guess", "127.0.0.3");
    expect((await right.closed).slice(9, 12)).toBe("200");
    expect((await other.closed).slice(9, 12)).toBe("401");
    expect(held.text()).toBe("");
    const answer = await held.closed;
    expect(answer).toStartWith("HTTP/1.1 429 ");
    expect(answer).toMatch(/^retry-after: 10\r$/im);
    expect(answer).toContain("too_many_wrong_keys");
    expect(ocp.stderr()).not.toMatch(/guess-\d|the-key-of-the-admin/);
  }, 30_000);
});
