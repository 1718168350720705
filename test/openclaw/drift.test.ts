/** A server that starts says when OpenClaw on its machine is out of step, and changes nothing. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { startOcp, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";

describe.each(targets())("at the start (%s)", (target) => {
  const start = async (text: string | null, env: Record<string, string> = {}) => {
    await using temp = await createTemp();
    const file = join(temp.home, ".openclaw", "openclaw.json");
    if (text !== null) {
      mkdirSync(join(temp.home, ".openclaw"));
      writeFileSync(file, text);
    }
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator, temp, env });
    await ocp.said("Ctrl-C stops the server.");
    if (text !== null) expect(readFileSync(file, "utf8")).toBe(text);
    return ocp.stderr();
  };

  test("what differs is counted, and how to mend it is said", async () => {
    expect(await start("{ models: {} }\n")).toMatch(/! openclaw +out of step in \d+ places: ocp openclaw sync/);
  });

  test("a file that is not understood is named, and the server starts", async () => {
    expect(await start("{ broken")).toMatch(/! openclaw .*openclaw\.json cannot be understood/);
  });

  test.each([
    [null, {}],
    ["{ models: {} }\n", { OCP_OPENCLAW_SYNC: "0" }],
  ] as Array<[string | null, Record<string, string>]>)("nothing is said of %j with %j", async (text, env) => {
    expect(await start(text, env)).not.toMatch(/openclaw/i);
  });
});
