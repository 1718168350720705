/** The response cache before the real CLI: what is asked upstream, and what each client sees of the answer. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { AnswerScript } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { runOcp } from "../cli/run.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, post, readStream, stream, user } from "./client.ts";
import { messageRequests } from "./upstream.ts";

const thoughtful: AnswerScript["blocks"] = [
  { type: "thinking", thinking: "Scattering, surely.", signature: "c2lnbmVk" },
  { type: "text", text: `Because ${"of Rayleigh 😀 ".repeat(20)}`.trim() },
];

describe.each(targets())("the response cache of %s", (target) => {
  let simulator: Simulator;
  let ocp: Ocp;

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator, env: { CLAUDE_CACHE_TTL: "600000" } });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });
  beforeEach(async () => {
    simulator.reset();
    await fetch(`${ocp.url}/cache`, { method: "DELETE" });
  });

  const sent = () => messageRequests(simulator).length;
  const question = { model: "sonnet", max_tokens: 500, messages: [user("Why is the sky blue?")] };
  const toMessages = async (body: object) =>
    fetch(`${ocp.url}/v1/messages`, { method: "POST", body: JSON.stringify(body) });
  const outcomeOf = ({ headers }: { headers: Headers }) => headers.get("x-ocp-cache");

  test("ten streams of the same question are one request upstream, and each sees tokens as they come", async () => {
    simulator.play(() => ({ blocks: [{ type: "text", text: [..."abcdefghijklmno"] }], paceMs: 150 }));
    const responses = Array.from({ length: 10 }, () => post(ocp, { ...question, stream: true }));
    const upstream = await simulator.message(1);
    const ended = upstream.ended.then(() => "the answer has ended");
    const seen = await Promise.all(
      responses.map(async (response) => {
        const [watched, whole] = (await response).body!.tee();
        const reader = watched.pipeThrough(new TextDecoderStream()).getReader();
        const firstPiece = (async () => {
          for (let read = ""; !read.includes('"content":"a"'); ) read += (await reader.read()).value ?? "";
          return "a piece of it";
        })();
        const first = await Promise.race([firstPiece, ended]);
        void reader.cancel();
        return { first, outcome: outcomeOf(await response), answer: await readStream(new Response(whole)) };
      }),
    );
    expect(seen.map(({ first }) => first)).toEqual(Array(10).fill("a piece of it"));
    expect(seen.map(({ answer }) => answer.text)).toEqual(Array(10).fill("abcdefghijklmno"));
    expect(seen.map(({ answer }) => answer.done)).toEqual(Array(10).fill(true));
    expect(seen.map(({ outcome }) => outcome).sort()).toEqual([...Array(9).fill("hit"), "miss"]);
    expect(sent()).toBe(1);

    const later = await stream(ocp, question);
    expect([outcomeOf(later), later.text]).toEqual(["hit", "abcdefghijklmno"]);
    expect(sent()).toBe(1);
  });

  test("who asked first leaves, and the answer goes on for the other, to its end", async () => {
    simulator.play(() => ({ blocks: [{ type: "text", text: ["one ", "two ", "three"] }], paceMs: 150 }));
    const client = new AbortController();
    const first = await post(ocp, { ...question, stream: true }, { signal: client.signal });
    const second = post(ocp, { ...question, stream: true });
    while (((await (await fetch(`${ocp.url}/cache/stats`)).json()) as any).requesters < 2);
    client.abort();
    expect(outcomeOf(first)).toBe("miss");
    expect((await readStream(await second)).text).toBe("one two three");
    expect(messageRequests(simulator).map(({ aborted }) => aborted)).toEqual([false]);
    expect(outcomeOf(await ask(ocp, question))).toBe("hit");
  });

  test("all leave, and the request upstream is given up", async () => {
    simulator.play(() => ({ blocks: ["one"], fault: { kind: "stall", after: 1 } }));
    const client = new AbortController();
    const open = () => post(ocp, { ...question, stream: true }, { signal: client.signal });
    await Promise.all([open(), open(), open()]);
    client.abort();
    expect(await (await simulator.message(1)).ended).toBe("aborted");
    expect(sent()).toBe(1);
  });

  test("an answer is given again in each dialect, with its thoughts, its usage, and ids of its own", async () => {
    simulator.play(() => ({ blocks: thoughtful, usage: { input: 321 } }));
    const first = (await (await toMessages(question)).json()) as any;
    const again = await toMessages({ ...question, stream: true });
    expect(outcomeOf(again)).toBe("hit");
    const frames = [...(await again.text()).matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!));
    expect(frames[0].message.id).not.toBe(first.id);
    expect(frames.find(({ delta }) => delta?.type === "signature_delta").delta.signature).toBe("c2lnbmVk");
    const pieces = frames.flatMap(({ delta }) => delta?.text ?? []);
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join("")).toBe(first.content[1].text);
    expect(frames.at(-2).usage).toEqual(first.usage);
    expect(first.usage.input_tokens).toBe(321);

    const chat = await ask(ocp, question);
    expect(outcomeOf(chat)).toBe("hit");
    expect(chat.body.choices[0].message.content).toBe(first.content[1].text);
    expect(sent()).toBe(1);
  });

  test.each<[string, object]>([
    ["an answer that was cut", { blocks: ["one two three"], paceMs: 10, fault: { kind: "cut", after: 2 } }],
    ["an answer at its limit", { blocks: ["one two three"], stop: "max_tokens" }],
  ])("%s is asked for again", async (_name, script) => {
    simulator.play(() => script as AnswerScript);
    await (await post(ocp, { ...question, stream: true })).text();
    const before = sent();
    const second = await ask(ocp, question);
    expect(outcomeOf(second)).not.toBe("hit");
    expect(sent()).toBeGreaterThan(before);
    const stats = (await (await fetch(`${ocp.url}/cache/stats`)).json()) as any;
    expect(stats.entries).toBe(0);
  });

  test("a request of a session is asked upstream each time", async () => {
    simulator.play(() => ({ blocks: ["Hello."] }));
    for (let i = 1; i <= 2; i++) {
      expect(outcomeOf(await ask(ocp, { ...question, session_id: "s" }))).toBe("bypass");
      expect(sent()).toBe(i);
    }
  });

  test("ocp cache shows what is kept, and clears it", async () => {
    simulator.play(() => ({ blocks: ["Hello."] }));
    for (let i = 0; i < 3; i++) await ask(ocp, question);
    const run = (...args: string[]) => runOcp(target, ["cache", ...args], { OCP_URL: ocp.url });
    const shown = await run();
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(
      /^cache {8}on, for 10 minutes an answer\nkept {9}1 answer, \d+ bytes of 64\.0 MiB\ngiven again {2}2 times\nbeing made {3}0 answers for 0 requests\n$/,
    );
    expect(JSON.parse((await run("--json")).stdout)).toMatchObject({ entries: 1, totalHits: 2, ttl: 600_000 });
    expect((await run("clear")).stdout).toBe("1 answer forgotten.\n");
    expect(JSON.parse((await run("clear", "--json")).stdout)).toEqual({ cleared: 0 });
    expect(outcomeOf(await ask(ocp, question))).toBe("miss");
  });

  test("nothing of a question or an answer is in the log", () => {
    expect(ocp.stderr()).toContain("request");
    expect(ocp.stderr()).not.toMatch(/sky|Rayleigh|abcdefghij/);
  });
});

describe.each(targets())("the kept answers of %s", (target) => {
  test("outlive a restart, but neither a new configuration, nor damage, nor their being turned off", async () => {
    await using simulator = startSimulator({ scenario: () => ({ blocks: ["Because of Rayleigh."] }) });
    await using temp = await createTemp();
    const database = join(temp.home, ".ocp", "ocp.db");
    const on = { CLAUDE_CACHE_TTL: "600000" };

    /** What became of this many requests to a server with such an environment. */
    async function outcomes(count: number, env: Record<string, string>) {
      await using ocp = await startOcp({ target, simulator, temp, env });
      const seen: unknown[] = [];
      for (let i = 0; i < count; i++) {
        const answer = await ask(ocp, { messages: [user("Why is the sky blue?")] });
        expect(answer.body.choices[0].message.content).toBe("Because of Rayleigh.");
        seen.push(answer.headers.get("x-ocp-cache"));
      }
      expect(await ocp.stop()).toBe(0);
      expect(ocp.stderr()).not.toMatch(/sky|Rayleigh/);
      return seen;
    }

    expect(await outcomes(1, on)).toEqual(["miss"]);
    expect(await outcomes(1, on)).toEqual(["hit"]);
    expect(await outcomes(1, { ...on, CLAUDE_SYSTEM_PROMPT: "In French." })).toEqual(["miss"]);
    using db = new Database(database);
    db.run("update cache set answer = substr(answer, 1, 30)");
    expect(await outcomes(2, on)).toEqual(["miss", "hit"]);
    const kept = () => db.query<{ entries: number }, []>("select count(*) as entries from cache").get()?.entries;
    expect(kept()).toBe(2);
    expect(await outcomes(0, {})).toEqual([]);
    expect(kept()).toBe(0);
    expect(messageRequests(simulator)).toHaveLength(3);
  });
});

describe.each(targets())("the sessions of %s", (target) => {
  test("are listed and ended", async () => {
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator, env: { OCP_LIVE_MAX: "4" } });
    const run = (...args: string[]) => runOcp(target, args, { OCP_URL: ocp.url, TZ: "UTC" });
    const nothing = "No conversation has a live process, and none hibernates.\n";
    expect(await run("sessions")).toEqual({ code: 0, stdout: nothing, stderr: "" });
    expect(JSON.parse((await run("sessions", "--json")).stdout)).toEqual([]);

    await ask(ocp, {
      messages: [user("Hi."), { role: "assistant", content: "Hello." }, user("Again.")],
      session_id: "s",
    });
    const listed = JSON.parse((await run("sessions", "--json")).stdout);
    expect(listed).toEqual([
      expect.objectContaining({ model: "claude-sonnet-5-5", turns: 1, pid: expect.any(Number) }),
    ]);
    const { stdout } = await run("sessions");
    const [head, row, ...more] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^ID +WHOSE +PID +MODEL +STATE +MESSAGES +TURNS +CACHED +REBUILT +SINCE +LAST USED$/);
    expect(row).toMatch(
      /^\S+ +local +\d+ +claude-sonnet-5-5 +\w+ +4 +1 +0 % +1 \(unseen\) +\d{4}-\d\d-\d\d [\d:]+ +\d{4}-/,
    );
    expect(more).toEqual([]);

    expect((await run("clear")).stdout).toBe("1 process ended; running answers go on.\n");
    expect(JSON.parse((await run("clear", "--json")).stdout)).toEqual({ cleared: 0, forgotten: 0 });
    expect(JSON.parse((await run("sessions", "--json")).stdout)).toEqual([]);
  });

  test.each([
    [["cache", "cleer"], 2, '`ocp cache` does not know "cleer". Did you mean clear?'],
    [["cache", "clear", "now"], 2, 'does not take the argument "now"'],
    [["sessions", "s1"], 2, 'does not take the argument "s1"'],
    [["clear", "--al"], 2, "no flag --al"],
    [["cache", "--url", "http://127.0.0.1:1"], 1, "Nothing listens at http://127.0.0.1:1."],
    [["sessions", "--url", "http://127.0.0.1:1"], 1, "Nothing listens at http://127.0.0.1:1."],
    [["clear", "--url", "http://127.0.0.1:1"], 1, "Nothing listens at http://127.0.0.1:1."],
  ])("%j says what is wrong", async (args, code, sentence) => {
    const outcome = await runOcp(target, args);
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toContain(sentence);
  });
});
