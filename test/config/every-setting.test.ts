/**
 * Every setting does what it says: each row of the table of settings has an effect that a test sees through the front
 * door, and a row without one fails.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { SettingState } from "../../src/config/live.ts";
import { type Setting, settings } from "../../src/config/settings.ts";
import { startOcp, targets } from "../harness/ocp.ts";
import { type Bench, createBench, type Effect } from "./effects/bench.ts";
import { door } from "./effects/door.ts";
import { input } from "./effects/input.ts";
import { limits } from "./effects/limits.ts";
import { logs } from "./effects/logs.ts";
import { start } from "./effects/start.ts";

const table = settings as readonly Setting[];
const effects: Record<string, Effect> = { ...start, ...door, ...limits, ...input, ...logs };

test("every setting has a test of its effect, and no test is left of one that is gone", () => {
  expect(Object.keys(effects).sort()).toEqual(table.map(({ name }) => name).sort());
});

describe.each(targets())("the effect (%s)", (target) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await createBench(target);
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  test.each(Object.entries(effects))(
    "of %s",
    async (_, effect) => {
      await effect(bench);
    },
    30_000,
  );
});

/** Something else than the default, that all of them may be at once. */
function sample({ type, name }: Setting): [text: string, value: unknown] {
  if (type.kind === "bool") return ["yes", true];
  if (type.kind === "enum") return [type.values[0] as string, type.values[0]];
  if (type.kind !== "int") return [`of ${name}`, `of ${name}`];
  const value = Math.max(type.min, Math.min(type.max, 1_000_003));
  return [String(value), value];
}

describe.each(targets())("the variables of settings that may change (%s)", (target) => {
  const live = table.filter((setting) => setting.live);

  test("reach the running server, which says so and lets nobody change them", async () => {
    const env = Object.fromEntries(live.map((setting) => [setting.env, sample(setting)[0]]));
    await using ocp = await startOcp({ target, env });
    const all = (await (await fetch(`${ocp.url}/settings`)).json()) as Record<string, SettingState>;
    const found = Object.values(all).filter((state) => state.live);
    expect(found.map(({ env, value, source }) => ({ env, value, source }))).toEqual(
      live.map((setting) => ({ env: setting.env, value: sample(setting)[1] as never, source: "environment" })),
    );
    const changes = Object.fromEntries(Object.keys(all).map((key) => [key, null]));
    const response = await fetch(`${ocp.url}/settings`, { method: "PATCH", body: JSON.stringify(changes) });
    expect(response.status).toBe(400);
  });
});
