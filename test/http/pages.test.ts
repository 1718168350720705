/** What pages in a real browser can do to a server on loopback that wants no key: nothing, but for our own. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { messageRequests } from "../chat/upstream.ts";
import { type Browser, startBrowser } from "../harness/browser.ts";
import { needs } from "../harness/needs.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";

const site = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => new Response("<!doctype html><title>A page</title>", { headers: { "content-type": "text/html" } }),
});
const evil = `http://evil.example:${site.port}`;
const friend = `http://friend.example:${site.port}`;
const names = { "evil.example": "127.0.0.1", "friend.example": "127.0.0.1", "rebound.example": "127.0.0.1" };
const chat = "/v1/chat/completions";
const body = JSON.stringify({ model: "sonnet", messages: [{ role: "user", content: "Spend something." }] });
const post = (type?: string) => ({ method: "POST", body, ...(type ? { headers: { "content-type": type } } : {}) });

afterAll(() => site.stop(true));

needs("chromium").describe.each(targets().slice(-1))("a server from %s, on loopback and without a key:", (target) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser(names);
    await browser.context.addInitScript({ path: join(import.meta.dir, "pages", "attacks.js") });
  }, 30_000);
  afterAll(() => browser[Symbol.asyncDispose]());

  let simulator: Simulator;
  let ocp: Ocp;
  let page: Page;
  // A new one for each test: its log has a line of each refused request only for the first ones of a minute.
  beforeEach(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator, env: { OCP_CORS_ORIGINS: friend } });
    page = await browser.context.newPage();
  });
  afterEach(async () => {
    await page.close();
    await ocp[Symbol.asyncDispose]();
    await simulator[Symbol.asyncDispose]();
  });

  const urls = () => [ocp.url, ocp.url.replace("127.0.0.1", "localhost")];

  /** The requests in the server's log after the first `before`, as `method path status`. */
  const seen = (before = 0) =>
    [...ocp.stderr().matchAll(/ request .*?method=(\S+) path=(\S+) status=(\d+)/g)]
      .slice(before)
      .map(([, method, path, status]) => `${method} ${path} ${status}`);

  /** Runs one of attacks.js in the page. */
  function tries(attack: string, ...args: unknown[]): Promise<unknown> {
    return page.evaluate(`attacks.${attack}(...${JSON.stringify(args)})`);
  }

  /** Does so to the server under each of its names, and sees to it that it was asked and refused. */
  async function attacked(attack: (url: string) => Promise<unknown>): Promise<unknown[]> {
    const results: unknown[] = [];
    for (const url of urls()) {
      const before = seen().length;
      results.push(await attack(url));
      await waitUntil("the server has seen it", () => seen(before).length > 0);
      expect(seen(before).filter((line) => !line.endsWith(" 403"))).toEqual([]);
    }
    expect(messageRequests(simulator)).toEqual([]);
    return results;
  }

  describe("a page of another site", () => {
    beforeEach(async () => {
      await page.goto(evil);
    });

    test.each<[string, string, object]>([
      ["JSON, which is asked about first", chat, post("application/json")],
      ["plain text, which is not", chat, post("text/plain")],
      ["what looks like a form", "/v1/messages", post("application/x-www-form-urlencoded")],
      ["text that outlives the page", chat, { ...post(), keepalive: true }],
      ["a question", "/health", {}],
      ["a key", "/v1/models", { headers: { authorization: "Bearer x" } }],
    ])("reads nothing and spends nothing with fetch: %s", async (_name, path, init) => {
      const answers = await attacked((url) => tries("read", url + path, init));
      expect(answers).toEqual(["TypeError: Failed to fetch", "TypeError: Failed to fetch"]);
    });

    test("spends nothing with a fetch whose answer it does not want", async () => {
      const answers = await attacked((url) => tries("read", url + chat, { ...post(), mode: "no-cors" }));
      // Our policy keeps from it even that there was an answer.
      expect(answers).toEqual(["TypeError: Failed to fetch", "TypeError: Failed to fetch"]);
    });

    test("spends nothing with a beacon", async () => {
      await attacked((url) => tries("beacon", url + chat, body));
    });

    test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])(
      "spends nothing with a form of %s",
      async (type) => {
        await attacked((url) => tries("form", url + chat, type, body));
      },
    );

    test.each(["img", "script", "iframe", "audio", "link", "object"])("loads nothing as <%s>", async (tag) => {
      const outcomes = await attacked((url) => tries("element", tag, `${url}/swagger`));
      // A frame says that it has loaded when it shows that it was refused.
      const outcome = tag === "iframe" ? "load" : "error";
      expect(outcomes).toEqual([outcome, outcome]);
      expect(page.frames().filter((frame) => urls().some((url) => frame.url().startsWith(url)))).toEqual([]);
    });

    test("hears nothing through an EventSource or a WebSocket", async () => {
      const outcomes = await attacked((url) => tries("listen", url));
      expect(outcomes).toEqual([
        ["error", "error"],
        ["error", "error"],
      ]);
    });

    test("reads nothing from a frame without an origin, whose requests say `Origin: null`", async () => {
      const answers = await attacked((url) => tries("nobody", url + chat, body));
      expect(answers).toEqual(["TypeError: Failed to fetch", "TypeError: Failed to fetch"]);
    });
  });

  test("a page whose name was made to lead here reads nothing and spends nothing", async () => {
    const own = `http://rebound.example:${new URL(ocp.url).port}`;
    // Its document came from elsewhere, when the name still led there; all that it asks for now comes from us.
    await page.route(`${own}/page`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto(`${own}/page`);
    const before = seen().length;
    for (const [path, init] of [
      ["/health", {}],
      ["/v1/models", {}],
      [chat, post()],
    ] as const) {
      const answer = (await tries("read", path, init)) as { status: number; text: string };
      expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([403, "forbidden"]);
      expect(answer.text).not.toMatch(/claude|version/);
    }
    await waitUntil("the server has seen them", () => seen(before).length === 3);
    expect(messageRequests(simulator)).toEqual([]);
  });

  test("its own page asks and is answered", async () => {
    for (const url of urls()) {
      await page.goto(`${url}/swagger`);
      await page.locator(".opblock").first().waitFor();
    }
    expect(await tries("read", chat, post())).toMatchObject({ status: 200 });
    expect(messageRequests(simulator)).toHaveLength(1);
  });

  test("a page that is listed asks, reads the answer and its headers, and is told about errors", async () => {
    await page.goto(friend);
    const headers = { "content-type": "application/json", authorization: "Bearer none", "x-stainless-os": "x" };
    expect(await tries("read", ocp.url + chat, { ...post(), headers })).toMatchObject({
      status: 200,
      id: expect.stringMatching(/^req_/),
      text: expect.stringContaining("choices"),
    });
    expect(messageRequests(simulator)).toHaveLength(1);
    expect(await tries("read", `${ocp.url}/nothing`)).toMatchObject({ status: 404 });
  });
});
