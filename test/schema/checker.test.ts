/** Schemas are judged in processes of their own, which end when they take too long, and when nothing is to be done. */

import { afterEach, describe, expect, test } from "bun:test";
import type { SchemaChecker } from "../../src/core/ports.ts";
import { type CheckerOptions, createSchemaChecker } from "../../src/schema/checker.ts";
import { workerCommand } from "../../src/schema/job.ts";
import { parsePs, usageOf } from "../../src/schema/usage.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { descendants, waitUntil } from "../harness/processes.ts";
import { doubling, stuck, stuckValue, wide } from "./hostile.ts";

const open: SchemaChecker[] = [];
afterEach(() => {
  for (const checker of open.splice(0)) checker.close();
});

function checker(limits: CheckerOptions["limits"] = {}, self = ocpCommand("source")) {
  const warnings: string[] = [];
  const log = { info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
  const created = createSchemaChecker({ self, platform: process.platform, log, limits });
  open.push(created);
  return { ...created, warnings };
}

const never = new AbortController().signal;
const json = JSON.stringify;
const workers = () => descendants(process.pid).filter(({ command }) => command.includes(workerCommand));
const gone = () => waitUntil("no worker is left", () => workers().length === 0);

describe("a schema", () => {
  test.each([
    ["of 3,000 properties", wide(3_000)],
    ["of 20,000 properties", wide(20_000)],
    ["that refers to itself", { type: "object", properties: { next: { $ref: "#" } } }],
    ["that refers to what stands under no keyword", { $ref: "#/components/a", components: { a: { type: "null" } } }],
    [
      "with examples that have the same id",
      {
        properties: { a: { example: { id: "u1" } }, b: { example: { id: "u1" } }, id: { example: { id: "http://[" } } },
      },
    ],
    ["with a format and keywords that are none", { type: "string", format: "made-up", "x-a": { id: {} } }],
  ])("%s is valid", async (_, schema) => {
    expect(await checker().compile(json(schema), "ann", never)).toBe("valid");
  });

  test.each([
    ["of an unknown type", { type: "objekt" }],
    ["with an unknown type deep inside", { properties: { a: { items: { anyOf: [{}, { type: "strin" }] } } } }],
    ["with a pattern that is none", { properties: { a: { pattern: "(" } } }],
    ["with such a pattern for names", { patternProperties: { "[": {} } }],
    ["with a reference to nowhere", { $ref: "#/$defs/none" }],
    ["whose reference leads to no schema", { $ref: "#/components", components: { $ref: 5 } }],
    ["that is itself by reference", { $ref: "#" }],
    ["with a negative length", { maxLength: -1 }],
    ["whose list of schemas is empty", { anyOf: [] }],
    ["whose properties are a list", { properties: [] }],
  ])("%s is invalid", async (_, schema) => {
    expect(await checker().compile(json(schema), "ann", never)).toBe("invalid");
  });

  test("that takes too long to compile is over the limit, and is not tried again", async () => {
    const { compile } = checker({ cpuMs: 300 });
    expect(await compile(json(doubling), "ann", never)).toBe("over_limit");
    await gone();
    expect(await compile(json(doubling), "ann", never)).toBe("over_limit");
    expect(workers()).toEqual([]);
    expect(await compile(json(wide(10)), "ann", never)).toBe("valid");
  });

  test("whose worker is ended by somebody else is tried again the next time", async () => {
    const { compile } = checker();
    const first = compile(json(doubling), "ann", never);
    await waitUntil("a worker runs", () => workers().length === 1);
    for (const { pid } of workers()) process.kill(pid, "SIGKILL");
    expect(await first).toBe("over_limit");
    await gone();
    const second = compile(json(doubling), "ann", never);
    await waitUntil("it is tried again", () => workers().length === 1);
    expect(await second).toBe("over_limit");
  });

  test("that takes too much memory to compile is over the limit", async () => {
    const { compile } = checker({ memory: 1_000_000 });
    expect(await compile(json(doubling), "ann", never)).toBe("over_limit");
  });
});

describe("an answer", () => {
  const schema = json({
    type: "object",
    properties: { when: { type: "string", format: "date" }, note: { type: "string", nullable: true } },
    required: ["when"],
    additionalProperties: false,
  });

  test.each([
    ['{"when":"now"}', "valid"],
    ['{"when":"now","note":null}', "valid"],
    ['{"when":5}', "invalid"],
    ['{"when":"now","more":1}', "invalid"],
    ["{}", "invalid"],
  ])("%s is %s", async (value, verdict) => {
    expect(await checker().validate(schema, value, "ann", never)).toBe(verdict as never);
  });

  test("that a pattern is stuck on stays unchecked, and the log says so", async () => {
    const { validate, warnings } = checker({ cpuMs: 300 });
    expect(await validate(json(stuck), stuckValue, "ann", never)).toBe("unchecked");
    expect(warnings).toEqual(["an answer in JSON was passed on unchecked"]);
    await gone();
    expect(await validate(json(stuck), '{"v":"aa"}', "ann", never)).toBe("valid");
  });

  test("that nests too deep for the validator stays unchecked", async () => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const list = json({ items: { $ref: "#" }, uniqueItems: true });
    expect(await checker().validate(list, deep, "ann", never)).toBe("unchecked");
  });

  test("stays unchecked where no worker can be started", async () => {
    const { compile, validate, warnings } = checker({}, ["/nowhere/ocp"]);
    expect(await compile(schema, "ann", never)).toBe("valid");
    expect(await validate(schema, "{}", "ann", never)).toBe("unchecked");
    expect(warnings).toContain("schemas cannot be checked: the worker does not start");
  });
});

describe("the workers", () => {
  test("serve another principal while one has stuck jobs, which run one after the other", async () => {
    const { compile, validate } = checker({ cpuMs: 20_000 });
    const leave = new AbortController();
    const attacks = [1, 2, 3, 4].map(() => validate(json(stuck), stuckValue, "eve", leave.signal));
    const ends = Promise.allSettled(attacks);
    for (let count = 0; count < 5; count++) {
      expect(await compile(json(wide(100 + count)), "ann", never)).toBe("valid");
    }
    expect(workers()).toHaveLength(2);
    const done = await Promise.race([Promise.race(attacks), Promise.resolve("none has ended")]);
    leave.abort(new Error("left"));
    expect(done).toBe("none has ended");
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
  });

  test("end with the request that they work for", async () => {
    const leave = new AbortController();
    const { validate } = checker();
    const left = validate(json(stuck), stuckValue, "eve", leave.signal);
    await waitUntil("the worker runs", () => workers().length === 1);
    leave.abort(new Error("left"));
    expect(await left.catch((error) => error.message)).toBe("left");
    await gone();
  });

  test("end when nothing has been asked for a while, and start again", async () => {
    const { compile } = checker({ idleMs: 20 });
    expect(await compile(json(wide(1)), "ann", never)).toBe("valid");
    await gone();
    expect(await compile(json(wide(2)), "ann", never)).toBe("valid");
  });
});

test("the time and memory of a process are read, from either source", async () => {
  const usage = await usageOf(process.pid, "linux");
  expect(usage?.rss).toBeGreaterThan(10_000_000);
  expect(usage?.cpuMs).toBeGreaterThan(0);
  expect(await usageOf(2 ** 22 + 1, "linux")).toBeNull();
  expect(parsePs("  51200   0:01.23\n")).toEqual({ cpuMs: 1_230, rss: 51_200 * 1024 });
  expect(parsePs("51200 1-02:03:04\n")).toEqual({ cpuMs: 93_784_000, rss: 51_200 * 1024 });
  expect(parsePs("")).toBeNull();
});
