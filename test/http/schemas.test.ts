/** No schema of one caller's takes the server from another, however long it or its patterns take. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { workerCommand } from "../../src/schema/job.ts";
import { createFakeCli, ending, type FakeCli, messageStart, text, textStart } from "../harness/fake-cli.ts";
import { type Ocp, startOcp } from "../harness/ocp.ts";
import { type Figures, slowdown, startProbe } from "../harness/probe.ts";
import { descendants, isAlive, waitUntil } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { doubling, stuck, stuckValue, wide } from "../schema/hostile.ts";

const admin = "ocp_admin_of_this_test_0123456789";
let temp: Temp;
let cli: FakeCli;
beforeAll(async () => {
  temp = await createTemp();
  cli = createFakeCli(temp.path);
});
afterAll(() => temp.remove());

const says = (words: string) => cli.says([messageStart, textStart, text(words), ...ending]);
const start = () =>
  startOcp({ target: "binary", env: { CLAUDE_BIN: cli.bin, CLAUDE_AUTH_MODE: "multi", OCP_ADMIN_KEY: admin } });

async function keyOf(ocp: Ocp, name: string): Promise<string> {
  const headers = { authorization: `Bearer ${admin}` };
  const response = await fetch(`${ocp.url}/api/keys`, { method: "POST", headers, body: JSON.stringify({ name }) });
  return ((await response.json()) as { key: string }).key;
}

const bodyOf = (schema: object) => ({
  messages: [{ role: "user", content: "In JSON." }],
  response_format: { type: "json_schema", json_schema: { name: "x", schema } },
});

async function ask(ocp: Ocp, key: string, schema: object): Promise<{ status: number; body: any }> {
  const response = await fetch(`${ocp.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(bodyOf(schema)),
  });
  return { status: response.status, body: await response.json() };
}

const workers = (ocp: Ocp) => descendants(ocp.pid).filter(({ command }) => command.includes(workerCommand));

/** What another key's probe saw while `attack` ran, after a lap without it. */
async function beside(ocp: Ocp, attack: () => Promise<void>, body?: object): Promise<[Figures, Figures]> {
  const path = body ? "/v1/chat/completions" : "/v1/models";
  await using probe = startProbe(ocp, { key: await keyOf(ocp, "probe"), path, ...(body ? { body } : {}) });
  await probe.answers(2);
  await probe.lap();
  await probe.answers(body ? 5 : 20);
  const undisturbed = await probe.lap();
  await attack();
  return [undisturbed, await probe.lap()];
}

function expectUndisturbed([undisturbed, loaded]: [Figures, Figures]) {
  expect(loaded.failures).toEqual([]);
  expect(loaded.answers).toBeGreaterThan(0);
  expect(slowdown(loaded, undisturbed)).toBeLessThan(5);
  // The one that waited longest waited for no job: the attack is one after the other.
  expect(loaded.slowestMs).toBeLessThan(loaded.wallMs / 3);
  expect(loaded.cpuMs).toBeLessThan(loaded.wallMs / 2);
  expect(loaded.peakRss).toBeLessThan(2 * undisturbed.peakRss);
}

describe("a schema of one key", () => {
  test("whose pattern is stuck passes the answer on, and keeps nobody else waiting", async () => {
    await using ocp = await start();
    const key = await keyOf(ocp, "attacker");
    says(stuckValue);
    const figures = await beside(ocp, async () => {
      const answers = await Promise.all([1, 2, 3].map(() => ask(ocp, key, stuck)));
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        expect(body.choices[0].message.content).toBe(stuckValue);
      }
    });
    expectUndisturbed(figures);
    expect(ocp.stderr()).toContain("an answer in JSON was passed on unchecked");
    expect(ocp.stderr()).not.toContain("aaaaaaaa");
  });

  test("whose pattern is stuck leaves a worker to another key's schema", async () => {
    await using ocp = await start();
    const key = await keyOf(ocp, "attacker");
    says(stuckValue);
    const schema = { type: "object", properties: { v: { type: "string" } }, required: ["v"] };
    const attack = async () => void (await Promise.all([1, 2, 3].map(() => ask(ocp, key, stuck))));
    expectUndisturbed(await beside(ocp, attack, bodyOf(schema)));
  });

  test("that takes too long to compile is a 400 before anything is asked, and keeps nobody else waiting", async () => {
    await using ocp = await start();
    const key = await keyOf(ocp, "attacker");
    says("{}");
    const figures = await beside(ocp, async () => {
      const answers = await Promise.all([1, 2, 3].map(() => ask(ocp, key, doubling)));
      for (const { status, body } of answers) {
        expect(status).toBe(400);
        expect(body.error.message).toContain("takes too long to compile: 2 seconds of processor time");
      }
    });
    expectUndisturbed(figures);
  });

  test("of 5,000 properties works, and one over the limits is a 400 that names them", async () => {
    await using ocp = await start();
    const key = await keyOf(ocp, "attacker");
    says('{"p0":"x"}');
    const figures = await beside(ocp, async () => {
      for (const count of [1_000, 3_000, 5_000]) {
        expect(await ask(ocp, key, wide(count))).toMatchObject({ status: 200 });
      }
      const many = await ask(ocp, key, wide(26_000));
      expect(many).toMatchObject({ status: 400, body: { error: { param: "response_format.json_schema.schema" } } });
      expect(many.body.error.message).toBe("A schema may have at most 50000 values; this one has 52003.");
      const long = await ask(ocp, key, { type: "object", description: "x".repeat(600_000) });
      expect(long.status).toBe(400);
      expect(long.body.error.message).toMatch(
        /^A schema may have at most 524288 bytes of JSON; this one has 600\d{3}\.$/,
      );
    });
    expect(figures[1].failures).toEqual([]);
    says('{"p0":5}');
    expect(await ask(ocp, key, wide(3_000))).toMatchObject({ status: 502 });
  });

  test("does not keep the server from ending, by SIGTERM or SIGKILL", async () => {
    says(stuckValue);
    for (const end of ["stop", "kill"] as const) {
      await using ocp = await start();
      const key = await keyOf(ocp, "attacker");
      const cut = ask(ocp, key, stuck).catch(() => null);
      const [worker] = await waitUntil("the worker is stuck", () => {
        const found = workers(ocp);
        return found.length > 0 && found;
      });
      const code = await ocp[end]();
      if (end === "stop") expect(code).toBe(0);
      await waitUntil("the worker is gone", () => !isAlive(worker!.pid));
      await cut;
    }
  });
});

test("an answer in a fence that is full of white space costs its reading alone", async () => {
  await using ocp = await start();
  const key = await keyOf(ocp, "attacker");
  says(`\`\`\`json${"\n".repeat(200_000)}x${"\n".repeat(200_000)}y`);
  const figures = await beside(ocp, async () => {
    expect(await ask(ocp, key, { type: "object" })).toMatchObject({ status: 502 });
    says(`\`\`\`json${"\n".repeat(200_000)}{"a": 1}${"\n".repeat(200_000)}\`\`\``);
    expect((await ask(ocp, key, { type: "object" })).body.choices[0].message.content).toBe('{"a":1}');
  });
  // An expression that looked for the fence would have held up everybody for minutes.
  expect(figures[1].failures).toEqual([]);
});
