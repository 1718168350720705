import { describe, expect, test } from "bun:test";
import { serve } from "./served.ts";

interface Operation {
  summary?: string;
  tags?: string[];
  security?: object[];
  responses: Record<string, { description?: string; content?: Record<string, Record<string, unknown>> }>;
  requestBody?: { content: Record<string, { schema: object; examples: Record<string, { value: object }> }> };
}

interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
}

const { send } = serve();
const document = async () => (await (await send("/swagger/json")).json()) as Document;

describe("the page at /swagger", () => {
  test("loads nothing from any other host", async () => {
    const response = await send("/swagger");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await response.text();
    expect(html).not.toMatch(/(src|href)="?(https?:)?\/\//);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    const sources = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(sources).toEqual(["/swagger/ui.css", "/swagger/ui.js", "/swagger/start.js"]);
    for (const source of sources) expect((await send(source)).status).toBe(200);
  });

  test("starts without the badge that another host makes", async () => {
    const script = await (await send("/swagger/start.js")).text();
    expect(script).toContain("validatorUrl: null");
    expect(script).toContain('url: "/swagger/json"');
    expect(script).not.toMatch(/https?:/);
  });

  test.each([
    ["/swagger/ui.js", "text/javascript; charset=utf-8"],
    ["/swagger/ui.css", "text/css; charset=utf-8"],
  ])("gets %s compressed, and once", async (path, type) => {
    const plain = await (await send(path)).bytes();
    const response = await send(path, { headers: { "accept-encoding": "br, gzip" } });
    expect(response.headers.get("content-type")).toBe(type);
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.get("cache-control")).toContain("max-age");
    const compressed = new Uint8Array(await response.arrayBuffer());
    expect(compressed.length).toBeLessThan(plain.length / 2);
    expect(Buffer.from(Bun.gunzipSync(compressed)).equals(plain)).toBe(true);
    const etag = response.headers.get("etag")!;
    expect((await send(path, { headers: { "if-none-match": etag } })).status).toBe(304);
  });
});

describe("the document at /swagger/json", () => {
  test("describes every route that there is, and no other", async () => {
    const { openapi, info, paths } = await document();
    expect(openapi).toStartWith("3.");
    expect(info.version).toBe("1.2.3");
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual([
      "DELETE /api/keys/{idOrName}",
      "DELETE /cache",
      "DELETE /sessions",
      "DELETE /v1/responses/{id}",
      "GET /",
      "GET /api/doctor",
      "GET /api/hello",
      "GET /api/keys",
      "GET /api/keys/{idOrName}",
      "GET /api/keys/{idOrName}/quota",
      "GET /api/me",
      "GET /api/usage",
      "GET /cache/stats",
      "GET /connect",
      "GET /events",
      "GET /health",
      "GET /logs",
      "GET /metrics",
      "GET /sessions",
      "GET /settings",
      "GET /status",
      "GET /usage",
      "GET /v1/models",
      "GET /v1/models/{id}",
      "GET /v1/responses/{id}",
      "HEAD /",
      "PATCH /api/keys/{idOrName}",
      "PATCH /api/keys/{idOrName}/quota",
      "PATCH /settings",
      "POST /api/keys",
      "POST /api/keys/{idOrName}/rotate",
      "POST /v1/chat/completions",
      "POST /v1/messages",
      "POST /v1/messages/count_tokens",
      "POST /v1/responses",
    ]);
  });

  test("says of each what it is for, who may call it, and how it answers", async () => {
    const { paths } = await document();
    for (const [path, operations] of Object.entries(paths)) {
      for (const operation of Object.values(operations)) {
        expect(operation.summary).toBeString();
        expect(operation.tags).toHaveLength(1);
        expect(operation.security).toHaveLength(
          /^\/(v1\/|api\/(keys|me|usage|doctor)|cache|events|sessions|metrics|settings|logs|usage|status)/.test(path)
            ? 3
            : 0,
        );
        expect((operation.responses["200"] ?? operation.responses["201"])?.description).toBeString();
        if (path.startsWith("/v1/")) expect(operation.responses["401"]).toBeDefined();
      }
    }
  });

  test("has errors of each status whose examples have OpenAI's shape", async () => {
    const { responses } = (await document()).paths["/v1/chat/completions"]!.post!;
    const statuses = Object.keys(responses).filter((status) => status !== "200");
    expect(statuses).toEqual([
      "400",
      "401",
      "403",
      "404",
      "408",
      "409",
      "413",
      "429",
      "500",
      "502",
      "503",
      "504",
      "529",
    ]);
    for (const status of statuses) {
      expect(responses[status]!.content!["application/json"]!.example).toMatchObject({
        error: { message: expect.any(String), type: expect.any(String) },
      });
    }
  });

  test.each([
    ["/v1/chat/completions", "messages"],
    ["/v1/messages", "messages"],
    ["/v1/messages/count_tokens", "messages"],
    ["/v1/responses", "input"],
  ])("has request examples of %s that the server takes", async (path, property) => {
    const { requestBody } = (await document()).paths[path]!.post!;
    const { examples, schema } = requestBody!.content["application/json"]!;
    expect(schema).toMatchObject({ type: "object", properties: { [property]: expect.anything() } });
    expect(Object.keys(examples).length).toBeGreaterThan(0);
    for (const { value } of Object.values(examples)) {
      const response = await send(path, { method: "POST", body: JSON.stringify(value) });
      expect(response.status).toBe(200);
      await response.text();
    }
  });
});
