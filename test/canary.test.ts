/**
 * Canaries in the key, the token, the prompts, the system prompts and the answers of real traffic, of every outcome:
 * afterwards they are in no log, metric, page, argument list or file of the server, but for answers in the one file that
 * OCP_SESSION_KEEP allows. Raw bytes are searched, not parsed text.
 */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Script } from "../src/demo/script.ts";
import { startSimulator } from "../src/demo/simulator.ts";
import { type Ocp, startOcp, targets } from "./harness/ocp.ts";
import { descendants, waitUntil, waitUntilNobodyAtHome } from "./harness/processes.ts";
import { createTemp } from "./harness/temp.ts";
import { answer as keptAnswer, keptIn } from "./store/sessions.ts";

const canaries = {
  key: "canarykey-7f3a91c2e5",
  adminKey: "canaryadmin-9e41d8b07c",
  metricsKey: "canarymetrics-04cb6f1e92",
  wrongKey: "canarywrong-1b7e55d0aa",
  token: "canarytoken-5d2c8e7716",
  prompt: "canaryprompt-e91b04d3f8",
  system: "canarysystem-30c7aa612b",
  tool: "canarytool-c2d4e6a8b0",
  answer: "canaryanswer-6b1f0d93c7",
} as const;
/** What a client sends of itself: an error may name it back to that client. */
const { prompt, system, tool, answer } = canaries;

/** In each dialect one request that holds them in every place that takes words. */
const bodies: Record<string, (stream: boolean) => Record<string, unknown>> = {
  "/v1/chat/completions": (stream) => ({
    stream,
    user: prompt,
    metadata: { note: prompt },
    messages: [
      { role: "system", content: system },
      { role: "user", content: `First ${prompt}` },
      { role: "assistant", content: `I know ${prompt}` },
      { role: "user", content: [{ type: "text", text: `Now ${prompt}?` }] },
    ],
    tools: [{ type: "function", function: { name: "look", description: tool, parameters: { type: "object" } } }],
  }),
  "/v1/responses": (stream) => ({ stream, instructions: system, input: `Tell me of ${prompt}`, user: prompt }),
  "/v1/messages": (stream) => ({
    stream,
    max_tokens: 100,
    model: "sonnet",
    system,
    metadata: { user_id: prompt },
    messages: [{ role: "user", content: `Tell me of ${prompt}` }],
  }),
};

const words: Script = { blocks: [`The words of the model: ${answer}.`], paceMs: 1 };
const outcomes: Record<string, Script> = {
  ok: words,
  "an error that repeats the prompt": { status: 400, message: `messages.0: ${prompt} after ${system} is refused` },
  "a failure that repeats the prompt": { status: 500, message: `failed at ${prompt}` },
  "a refused login": { status: 401, message: `no token ${canaries.token}` },
  "a limit": { status: 429, message: `slow down with ${prompt}`, limits: null },
  "an error in mid-stream": {
    blocks: ["One two three four"],
    fault: { kind: "error", after: 2, status: 529, message: `overloaded by ${prompt}` },
  },
  "a cut": { blocks: ["One two three four"], fault: { kind: "cut", after: 2 } },
};

describe.each(targets())("canaries (%s)", (target) => {
  test("sent through every outcome are nowhere afterwards", async () => {
    await using simulator = startSimulator();
    const env = {
      PROXY_API_KEY: canaries.key,
      OCP_ADMIN_KEY: canaries.adminKey,
      OCP_METRICS_KEY: canaries.metricsKey,
      CLAUDE_CODE_OAUTH_TOKEN: canaries.token,
      OCP_LIVE_MAX: "4",
      OCP_SPARES: "1",
    };
    // The first is open to whoever sits at the machine, the second wants a key.
    await using open = await startOcp({ target, simulator, env: { ...env, CLAUDE_AUTH_MODE: "none" } });
    await using keyed = await startOcp({ target, simulator, env });
    /** All that a client, an owner or a neighbour on the machine could read, by where. */
    const seen: Array<[where: string, bytes: Buffer]> = [];
    const errors: Array<[where: string, text: string]> = [];
    const look = (ocp: Ocp, where: string) => {
      for (const { pid, command } of [{ pid: ocp.pid, command: argumentsOf(ocp.pid) }, ...descendants(ocp.pid)]) {
        seen.push([`the arguments of ${pid} during ${where}`, Buffer.from(command)]);
      }
      for (const { pid } of descendants(ocp.pid)) {
        const environment = environmentOf(pid).filter((variable) => !variable.startsWith("CLAUDE_CODE_OAUTH_TOKEN="));
        seen.push([`the environment of ${pid} during ${where}`, Buffer.from(environment.join("\n"))]);
      }
    };
    const send = async (ocp: Ocp, path: string, body: unknown, init: RequestInit = {}) => {
      const headers = { authorization: `Bearer ${canaries.key}` };
      const text = typeof body === "string" ? body : JSON.stringify(body);
      return fetch(`${ocp.url}${path}`, { method: "POST", headers, body: text, ...init });
    };

    const asAdmin = { headers: { authorization: `Bearer ${canaries.adminKey}` } };
    const made = await send(keyed, "/api/keys", { name: "Grandma" }, asAdmin);
    const { key: secret } = (await made.json()) as { key: string };
    expect(secret).toMatch(/^ocp_.{20,}$/);
    const said = [...Object.values(canaries), secret, secret.slice(8, -4)];
    simulator.play(() => words);
    const granted = { headers: { authorization: `Bearer ${secret}` } };
    expect((await send(keyed, "/v1/messages", bodies["/v1/messages"]!(false), granted)).status).toBe(200);

    for (const [number, [outcome, script]] of Object.entries(outcomes).entries()) {
      // One dialect each, so that the CLI's own retries cost little, and all for a good end.
      for (const [path, bodyOf] of Object.entries(bodies).filter((_, at) => outcome === "ok" || at === number % 3)) {
        simulator.reset();
        simulator.play(() => script);
        const stream = outcome !== "ok" || path !== "/v1/messages";
        const where = `${outcome} at ${path}`;
        const ocp = path === "/v1/responses" ? keyed : open;
        const answer = send(ocp, path, bodyOf(stream));
        await simulator.message(1);
        look(ocp, where);
        const response = await answer;
        // What the model's side said goes to the client that asked; what we say does not.
        const own = (await response.text()).replaceAll(
          JSON.stringify(script).match(/"message":"(.*?)"/)?.[1] ?? "\n",
          "",
        );
        if (outcome !== "ok") errors.push([where, own]);
      }
    }

    simulator.reset();
    simulator.play(() => ({ blocks: ["One two three"], fault: { kind: "stall", after: 1 } }));
    for (const [path, bodyOf] of Object.entries(bodies)) {
      const leaving = new AbortController();
      const count = simulator.requests.length + 1;
      const answer = send(open, path, bodyOf(true), { signal: leaving.signal }).then((response) => response.text());
      answer.catch(() => {});
      await simulator.message(count);
      leaving.abort();
    }
    const refusals: Array<[path: string, body: unknown, headers: Record<string, string>]> = [
      ["/v1/chat/completions", bodies["/v1/chat/completions"]!(true), { authorization: `Bearer ${canaries.wrongKey}` }],
      ["/v1/messages", bodies["/v1/messages"]!(true), { authorization: "", "x-api-key": canaries.wrongKey }],
      ["/v1/chat/completions", `{"messages": "${prompt}`, {}],
      ["/v1/chat/completions", { messages: prompt }, {}],
      ["/v1/chat/completions", { messages: [{ role: "user", content: { [prompt]: prompt } }] }, {}],
      [
        "/v1/chat/completions",
        {
          messages: [
            { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${prompt}` } }] },
          ],
        },
        {},
      ],
      ["/v1/messages", { max_tokens: 5, messages: [{ role: "user", content: 5 }], system: [prompt] }, {}],
      ["/v1/responses", { input: { text: prompt }, instructions: [system] }, {}],
      [`/v1/${canaries.key}?key=${canaries.key}&prompt=${prompt}`, {}, {}],
    ];
    for (const [path, body, headers] of refusals) {
      const response = await send(keyed, path, body, {
        headers: { authorization: `Bearer ${canaries.key}`, ...headers },
      });
      expect([path, body, response.status >= 400 && response.status < 500]).toEqual([path, body, true]);
      errors.push([`a refusal at ${path}`, await response.text()]);
    }

    const pages = [
      "/health",
      "/status",
      "/usage",
      "/api/usage?all=true",
      "/api/keys",
      "/api/me",
      "/metrics",
      "/settings",
    ];
    for (const page of [...pages, "/logs?n=200", "/sessions", "/cache/stats", "/swagger/json"]) {
      const key = page === "/metrics" ? canaries.metricsKey : canaries.adminKey;
      const response = await fetch(`${keyed.url}${page}`, { headers: { authorization: `Bearer ${key}` } });
      expect([page, response.status]).toEqual([page, 200]);
      seen.push([page, Buffer.from(await response.bytes())]);
      // Without a key the owner sits at this one.
      seen.push([page, Buffer.from(await (await fetch(`${open.url}${page}`)).bytes())]);
    }
    for (const ocp of [open, keyed]) {
      // Its database has its write-ahead log only while it runs.
      seen.push(...filesIn(ocp.home));
      expect(await ocp.stop()).toBe(0);
      await waitUntilNobodyAtHome(ocp.home);
      await waitUntil("its log is whole", () =>
        readFileSync(join(ocp.home, ".ocp/logs/ocp.log"), "utf8").includes("stopped"),
      );
      seen.push(["stderr", Buffer.from(ocp.stderr())], ["stdout", Buffer.from(ocp.stdout())]);
      seen.push(...filesIn(ocp.home));
    }

    // The search finds what is there: each outcome has its line.
    const log = seen.filter(([where]) => where.endsWith("ocp.log")).map(([, bytes]) => bytes.toString());
    expect(log.join("").match(/"message":"request"/g)!.length).toBeGreaterThan(25);
    for (const name of ["ocp.db", "ocp.db-wal", "ocp.db-shm"]) {
      expect(seen.some(([where]) => where.endsWith(`.ocp/${name}`))).toBe(true);
    }
    for (const code of [
      "ok",
      "invalid_request",
      "upstream_failed",
      "upstream_authentication",
      "plan_limit",
      "overloaded",
      "client_left",
      "invalid_api_key",
      "not_found",
    ]) {
      expect(log.join("")).toContain(`"outcome":"${code}"`);
    }
    expect(seen.filter(([where]) => where.startsWith("the arguments")).length).toBeGreaterThan(15);

    expect(
      seen.flatMap(([where, bytes]) => said.filter((word) => holds(bytes, word)).map((word) => `${word} in ${where}`)),
    ).toEqual([]);
    expect(
      errors.flatMap(([where, text]) =>
        said.filter((word) => text.includes(word)).map((word) => `${word} in ${where}`),
      ),
    ).toEqual([]);
  }, 120_000);
});

describe.each(targets())("answers that are kept over a restart (%s)", (target) => {
  const earlier = "canaryearlier-2e8a40f5d1";
  const said = [...Object.values(canaries), earlier];
  const finds = (home: string) =>
    filesIn(home).flatMap(([path, bytes]) => said.filter((word) => holds(bytes, word)).map((word) => ({ path, word })));
  /** The words in the one file that may hold them; anything elsewhere fails. */
  const kept = (home: string) => {
    const found = finds(home);
    const allowed = ({ path, word }: { path: string; word: string }) =>
      /\/\.ocp\/sessions\.db(-wal)?$/.test(path) && (word === answer || word === earlier);
    expect(found.filter((each) => !allowed(each))).toEqual([]);
    return new Set(found.map(({ word }) => word));
  };

  /** A home with the answer of an earlier server, of `hoursAgo`, and a server in it that has talked in every dialect. */
  async function talk(hoursAgo: number, env: Record<string, string>) {
    await using stack = new AsyncDisposableStack();
    const temp = stack.use(await createTemp());
    const data = join(temp.home, ".ocp");
    mkdirSync(data, { mode: 0o700 });
    const { kept: before } = keptIn(data, { now: Date.now() - hoursAgo * 3_600_000 });
    const whole = keptAnswer("earlier", earlier, { principalId: "local" });
    before.keep(whole);
    before.note({
      id: "earlier",
      principalId: "local",
      model: "claude-sonnet-5-5",
      messages: 2,
      turns: 1,
      since: 0,
      usedAt: 0,
      ended: null,
      usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 1 },
      head: earlier,
    });
    await before.close();
    expect(kept(temp.home)).toEqual(new Set([earlier]));
    const simulator = stack.use(startSimulator());
    simulator.play(() => words);
    const common = { CLAUDE_AUTH_MODE: "none", CLAUDE_CODE_OAUTH_TOKEN: canaries.token, OCP_LIVE_MAX: "4" };
    const ocp = stack.use(await startOcp({ target, temp, simulator, env: { ...common, ...env } }));
    for (const [path, bodyOf] of Object.entries(bodies)) {
      const response = await fetch(`${ocp.url}${path}`, { method: "POST", body: JSON.stringify(bodyOf(true)) });
      expect(await response.text()).toContain(answer);
    }
    const all = stack.move();
    return { ocp, home: temp.home, data, [Symbol.asyncDispose]: () => all.disposeAsync() };
  }

  test("stand in one file, and in none after `ocp clear`", async () => {
    await using talked = await talk(0.5, { OCP_SESSION_KEEP: "1" });
    await waitUntil("the answers are written", () => kept(talked.home).has(answer));
    expect([...kept(talked.home)]).toContain(earlier);
    expect((await fetch(`${talked.ocp.url}/sessions`, { method: "DELETE" })).status).toBe(200);
    await waitUntil("all are gone", () => kept(talked.home).size === 0);
    expect(await talked.ocp.stop()).toBe(0);
    expect(kept(talked.home).size).toBe(0);
  }, 60_000);

  test("are in no byte after their time, though the server was killed before it", async () => {
    await using talked = await talk(0.5, { OCP_SESSION_KEEP: "1" });
    await talked.ocp.kill();
    await waitUntilNobodyAtHome(talked.home);
    const db = new Database(join(talked.data, "sessions.db"));
    db.run("update conversations set used_at = used_at - 3600000");
    db.close();
    const temp = { path: talked.home, home: talked.home, remove: async () => {}, async [Symbol.asyncDispose]() {} };
    const env = { CLAUDE_AUTH_MODE: "none", OCP_SESSION_KEEP: "1" };
    await using next = await startOcp({ target, temp, env });
    await waitUntil("all are gone", () => kept(talked.home).size === 0);
    expect(await next.stop()).toBe(0);
    expect(kept(talked.home).size).toBe(0);
  }, 60_000);

  test("go with their key, and are not the new key's that got the number of an old one", async () => {
    await using temp = await createTemp();
    const data = join(temp.home, ".ocp");
    const env = { CLAUDE_AUTH_MODE: "multi", OCP_ADMIN_KEY: canaries.adminKey, OCP_SESSION_KEEP: "1" };
    const headers = { authorization: `Bearer ${canaries.adminKey}` };
    {
      await using first = await startOcp({ target, temp, env });
      const body = JSON.stringify({ name: "Grandma" });
      expect((await fetch(`${first.url}/api/keys`, { method: "POST", headers, body })).status).toBe(201);
      expect(await first.stop()).toBe(0);
    }
    const minute = 60_000;
    for (const [words, now] of [
      [earlier, Date.now() - minute],
      [answer, Date.now()],
    ] as const) {
      const { kept: before } = keptIn(data, { now });
      before.keep(keptAnswer(words, words, { principalId: "key-1" }));
      await before.close();
    }
    expect(kept(temp.home)).toEqual(new Set([earlier, answer]));
    await using ocp = await startOcp({ target, temp, env });
    await waitUntil("the old one's are gone", () => !kept(temp.home).has(earlier));
    expect(kept(temp.home)).toEqual(new Set([answer]));
    expect((await fetch(`${ocp.url}/api/keys/Grandma`, { method: "DELETE", headers })).status).toBe(200);
    await waitUntil("all are gone", () => kept(temp.home).size === 0);
    expect(await ocp.stop()).toBe(0);
  }, 60_000);

  test("are in no file without OCP_SESSION_KEEP, and those of a server that had it go at the start", async () => {
    await using talked = await talk(0.5, {});
    expect(kept(talked.home).size).toBe(0);
    expect(readdirSync(talked.data).filter((name) => name.startsWith("sessions.db"))).toEqual([]);
    expect(await talked.ocp.stop()).toBe(0);
    expect(kept(talked.home).size).toBe(0);
  }, 60_000);
});

/** Also as another encoding may have it. */
function holds(bytes: Buffer, word: string): boolean {
  const forms = [
    word,
    Buffer.from(word).toString("base64").slice(0, 16),
    Buffer.from(word).toString("hex"),
    word.split("").join("\0"),
  ];
  return forms.some((form) => bytes.includes(form));
}

function argumentsOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** Those that are still there when they are read: processes that run take theirs away. */
function filesIn(directory: string): Array<[string, Buffer]> {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    .flatMap((path) => {
      try {
        return [[path, readFileSync(path)]] satisfies Array<[string, Buffer]>;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    });
}
