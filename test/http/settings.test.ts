/** `/settings`: what it shows, what it changes, and how it refuses. */

import { describe, expect, test } from "bun:test";
import type { SettingState } from "../../src/config/live.ts";
import { settings as table } from "../../src/config/settings.ts";
import { errorOf, hello, says, serve } from "./served.ts";

interface Patched {
  results: Record<string, { ok?: true; value?: unknown; error?: string }>;
  errors?: string[];
  current: Record<string, SettingState>;
  error?: { message: string };
}

/** A server with a socket, since the owner is who calls from this machine. */
function open(env: Record<string, string> = {}) {
  const served = serve({ env });
  const server = served.listen();
  const send = (init?: RequestInit) => fetch(`${server.url}/settings`, init);
  return {
    ...served,
    url: server.url,
    get: async () => (await (await send()).json()) as Record<string, SettingState>,
    patch: async (body: unknown, init: RequestInit = {}) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const response = await send({ method: "PATCH", body: text, ...init });
      return { status: response.status, body: (await response.json()) as Patched };
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

test("shows every setting of the table by its key", async () => {
  await using server = open({ CLAUDE_MAX_QUEUE: "5" });
  const all = await server.get();
  expect(Object.keys(all)).toHaveLength(table.length);
  expect(all.timeout).toEqual({
    value: 600_000,
    type: "number",
    min: 30_000,
    max: 1_800_000,
    unit: "ms",
    desc: "How long an answer may take before it is ended with an error.",
    source: "default",
    env: "CLAUDE_TIMEOUT",
    default: 600_000,
    live: true,
  });
  expect(all).toMatchObject({
    maxConcurrent: { value: 8, min: 1, max: 32, live: true },
    maxPromptChars: { value: null, min: 10_000, max: 1_000_000, default: null, live: true },
    cacheTTL: { value: 0, min: 0, max: 86_400_000, unit: "ms", live: true },
    maxQueue: { value: 5, source: "environment", live: true },
    imageAllowUrl: { value: false, type: "boolean", min: null, unit: null },
    logLevel: { value: "info", type: "string", values: ["error", "warn", "info"] },
    port: { live: false },
  });
});

test("shows no secret", async () => {
  await using server = open({
    CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-canary",
    PROXY_API_KEY: "the-shared-key",
    CLAUDE_AUTH_MODE: "none",
  });
  const text = JSON.stringify(await server.get());
  expect(text).not.toContain("sk-ant-oat01-canary");
  expect(text).not.toContain("the-shared-key");
  expect(JSON.parse(text)).toMatchObject({
    oauthToken: { value: null, type: "secret", source: "environment", default: null },
    proxyApiKey: { value: null, source: "environment" },
  });
});

describe("a change", () => {
  test("of all that is named is 200, holds at once, and null takes it back", async () => {
    await using server = open();
    const changes = { timeout: 60_000, maxPromptChars: 20_000, imageAllowUrl: true, systemPrompt: "Be brief." };
    const { status, body } = await server.patch(changes);
    expect(status).toBe(200);
    expect(body.results).toEqual({
      timeout: { ok: true, value: 60_000 },
      maxPromptChars: { ok: true, value: 20_000 },
      imageAllowUrl: { ok: true, value: true },
      systemPrompt: { ok: true, value: "Be brief." },
    });
    expect(body).not.toHaveProperty("errors");
    expect(body.current).toEqual(await server.get());
    expect(body.current.timeout).toMatchObject({ value: 60_000, source: "stored" });

    const reset = await server.patch({ timeout: null, maxPromptChars: null });
    expect(reset.body.results).toEqual({
      timeout: { ok: true, value: 600_000 },
      maxPromptChars: { ok: true, value: null },
    });
    expect(reset.body.current.maxPromptChars).toMatchObject({ value: null, source: "default" });
  });

  test("of some is 207: the good ones hold", async () => {
    await using server = open();
    const { status, body } = await server.patch({ timeout: 1, maxConcurrent: 3 });
    expect(status).toBe(207);
    const sentence = 'timeout is "1". It must be a whole number from 30000 to 1800000 (ms).';
    expect(body.results).toEqual({ timeout: { error: sentence }, maxConcurrent: { ok: true, value: 3 } });
    expect(body.errors).toEqual([sentence]);
    expect(body.current).toMatchObject({ timeout: { value: 600_000 }, maxConcurrent: { value: 3 } });
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ["below the range", { timeout: 29_999 }, /from 30000 to 1800000 \(ms\)/],
    ["above the range", { maxConcurrent: 33 }, /from 1 to 32/],
    ["above the range of a running server", { maxPromptChars: 1_000_001 }, /from 10000 to 1000000/],
    ["of cacheTTL above its range", { cacheTTL: 86_400_001 }, /from 0 to 86400000/],
    ["with a fraction", { timeout: 60_000.5 }, /whole number/],
    ["beyond numbers", { timeout: 1e300 }, /whole number/],
    ["with a text for a number", { timeout: "60000" }, /as a JSON number/],
    ["with a number for a boolean", { imageAllowUrl: 1 }, /as a JSON boolean/],
    ["with a list", { timeout: [60_000] }, /as a JSON number/],
    ["with an object", { systemPrompt: { a: 1 } }, /as a JSON string/],
    ["with a choice that is none", { logLevel: "loud" }, /one of error, warn, info/],
    ["with a blank text", { systemPrompt: " \n" }, /not blank/],
    ["of nothing that exists", { firstByteTimeout: 5 }, /There is no setting "firstByteTimeout"/],
    ["by the name where the key is another", { cacheTtl: 5 }, /There is no setting "cacheTtl"/],
    ["of what every object has", { constructor: 5, toString: null }, /There is no setting "constructor"/],
    ["of what only the start sets", { port: 5 }, /set CLAUDE_PROXY_PORT and restart/],
    ["of a secret", { proxyApiKey: "another-secret" }, /set PROXY_API_KEY and restart/],
    ["of what the environment fixes", { maxQueue: 7 }, /fixed by the variable CLAUDE_MAX_QUEUE/],
    ["back of what the environment fixes", { maxQueue: null }, /fixed by the variable CLAUDE_MAX_QUEUE/],
  ])("%s is 400 and changes nothing", async (_, change, sentence) => {
    await using server = open({ CLAUDE_MAX_QUEUE: "5" });
    const before = await server.get();
    const { status, body } = await server.patch(change);
    expect(status).toBe(400);
    expect(body.errors?.join("\n")).toMatch(sentence);
    expect(body.errors).toHaveLength(Object.keys(change).length);
    expect(Object.keys(body.results)).toEqual(Object.keys(change));
    expect(body.error?.message).toMatch(sentence);
    expect(JSON.stringify(body)).not.toContain("another-secret");
    expect(body.current).toEqual(before);
    expect(await server.get()).toEqual(before);
  });

  test("of __proto__ is refused like any other name", async () => {
    await using server = open();
    const { status, body } = await server.patch('{"__proto__": {"timeout": 1}}');
    expect(status).toBe(400);
    expect(body.errors).toEqual(['There is no setting "__proto__".']);
  });

  test.each<[string, string, number]>([
    ["nothing", "", 400],
    ["no JSON", "{", 400],
    ["a list", "[]", 400],
    ["null", "null", 400],
    ["a number", "1", 400],
    ["an object without a key", "{}", 400],
    ["10,001 bytes", JSON.stringify({ systemPrompt: "x".repeat(10_001 - 19) }), 413],
    ["characters of more than one byte", JSON.stringify({ systemPrompt: "ü".repeat(5_000) }), 413],
  ])("with %s is an error in the usual shape", async (_, text, status) => {
    await using server = open();
    const response = await fetch(`${server.url}/settings`, { method: "PATCH", body: text });
    expect(response.status).toBe(status);
    const { message, type } = await errorOf(response);
    expect(message).toMatch(/^The request .*\.$/);
    expect(type).toBe("invalid_request_error");
  });

  test("of 10,000 bytes is taken", async () => {
    await using server = open();
    const { status, body } = await server.patch({ systemPrompt: "x".repeat(10_000 - 19) });
    expect(status).toBe(200);
    expect(body.results.systemPrompt?.ok).toBe(true);
  });

  test("is in the log with who made it, but for what may be a prompt", async () => {
    await using server = open();
    await server.patch({ timeout: 60_000, systemPrompt: "Tell nobody.", maxQueue: -1 });
    const changes = server.lines.filter(({ message }) => message === "setting changed").map(({ fields }) => fields);
    expect(changes).toEqual([
      { requestId: expect.stringMatching(/^req_/), principal: "local", setting: "timeout", reset: false, to: 60_000 },
      expect.objectContaining({ setting: "systemPrompt", to: undefined }),
    ]);
    expect(JSON.stringify(server.lines)).not.toContain("Tell nobody.");
  });
});

test("a change reaches requests that come after it, also the health page", async () => {
  await using server = open();
  const images = () => {
    const url = { type: "image_url", image_url: { url: "http://example.com/a.png" } };
    const body = JSON.stringify({ messages: [{ role: "user", content: [url] }] });
    return fetch(`${server.url}/v1/chat/completions`, { method: "POST", body });
  };
  expect((await images()).status).toBe(400);
  await server.patch({ imageAllowUrl: true, timeout: 60_000 });
  expect((await images()).status).toBe(200);
  const health = (await (await fetch(`${server.url}/health`)).json()) as { config: { timeout: number } };
  expect(health.config.timeout).toBe(60_000);
});

test("is the owner's alone", async () => {
  const served = serve({ env: { PROXY_API_KEY: "open-sesame" }, script: says("x") });
  await using server = served.listen();
  const headers = { authorization: "Bearer open-sesame" };
  for (const init of [{ headers }, { headers, method: "PATCH", body: "{" }]) {
    const response = await fetch(`${server.url}/settings`, init);
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain("CLAUDE_TIMEOUT");
  }
  expect(
    (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(hello) })).status,
  ).toBe(200);
});
