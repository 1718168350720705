/** An API that cannot be reached: the client and the log learn the reason. */

import { describe, expect, test } from "bun:test";
import { matrix, startOcp } from "../harness/ocp.ts";
import { ask, user } from "./client.ts";

describe.each(matrix())("an API that cannot be reached ($name)", ({ target, cli }) => {
  test("is named with the system's error to the client and in the log", async () => {
    // Nothing can listen on port 1 as an ordinary user, and nothing of a test does.
    const env = { OCP_UPSTREAM_URL: "http://127.0.0.1:1" };
    await using ocp = await startOcp({ target, cli, env });
    const { status, body } = await ask(ocp, { messages: [user("A question that is no part of the log.")] });
    expect(status).toBe(502);
    const sentence = /The claude CLI cannot reach Anthropic's API \((ECONNREFUSED|ConnectionRefused)\)\./;
    expect(body.error.message).toMatch(sentence);
    const [line = ""] = ocp
      .stderr()
      .split("\n")
      .filter((each) => each.includes("turn failed"));
    expect(line).toMatch(sentence);
    expect(ocp.stderr()).not.toMatch(/error="[^"]*: "/);
    expect(ocp.stderr()).not.toContain("no part of the log");
  }, 60_000);
});
