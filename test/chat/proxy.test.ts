/** A proxy of the host's is for the way out: what is on this machine is reached without it. */

import { describe, expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { startOcp, targets } from "../harness/ocp.ts";
import { ask, user } from "./client.ts";

/** Nothing listens there. */
const dead = "http://127.0.0.1:9";
const env = {
  HTTP_PROXY: dead,
  HTTPS_PROXY: dead,
  http_proxy: dead,
  https_proxy: dead,
  no_proxy: "intranet.example",
  CLAUDE_TIMEOUT: "10000",
};
const messages = [user("Hi.")];

describe.each(targets())("with a proxy that is down (%s)", (target) => {
  test("the simulated API of --demo is reached", async () => {
    await using ocp = await startOcp({ target, args: ["--demo"], env });
    const { status, body } = await ask(ocp, { messages });
    expect(status).toBe(200);
    expect(body.choices[0].message.content).toContain("simulated");
  });

  test("an OCP_UPSTREAM_URL on this machine is reached", async () => {
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator, env });
    expect((await ask(ocp, { messages })).status).toBe(200);
  });
});
