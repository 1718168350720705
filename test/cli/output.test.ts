/** Errors become a line and an exit code, and colours reach terminals only. */

import { describe, expect, test } from "bun:test";
import { cannotListen, columns, type Host, reportError, write } from "../../src/cli/output.ts";
import { bold } from "../../src/cli/style.ts";
import { OcpError } from "../../src/core/errors.ts";

function fakeHost(env: Record<string, string> = {}, isTTY = false) {
  const written: string[] = [];
  const stream = {
    isTTY,
    write(text: string, done: () => void) {
      written.push(text);
      done();
      return true;
    },
  };
  const host = { env, stdout: stream, stderr: stream } as unknown as Host;
  return { host, said: () => written.join("") };
}

describe("an error", () => {
  test.each([
    ["in a setting", new OcpError("invalid_request", "Wrong."), "ocp: Wrong.\n", 2],
    ["in two settings", new OcpError("invalid_request", "One.\nTwo."), "ocp: One.\nocp: Two.\n", 2],
    ["in listening", new OcpError("not_ready", "Taken.", { reason: cannotListen }), "ocp: Taken.\n", 3],
    ["of another kind", new OcpError("not_ready", "No."), "ocp: No.\n", 1],
    ["that is none", "thrown text", "ocp: internal error: thrown text\n", 1],
  ])("%s", async (_, error, said, code) => {
    const fake = fakeHost();
    expect(await reportError(fake.host, error)).toBe(code);
    expect(fake.said()).toBe(said);
  });

  test("that is a defect is one line that says where", async () => {
    const fake = fakeHost();
    expect(await reportError(fake.host, new TypeError("x is undefined"))).toBe(1);
    expect(fake.said()).toMatch(/^ocp: internal error: TypeError: x is undefined at .*output\.test\.ts.*\n$/);
  });
});

test.each([
  ["a terminal", {}, true, "\u001b[1mx\u001b[22m"],
  ["a pipe", {}, false, "x"],
  ["a terminal with NO_COLOR", { NO_COLOR: "1" }, true, "x"],
  ["a dumb terminal", { TERM: "dumb" }, true, "x"],
])("colours on %s", async (_, env, isTTY, shown) => {
  const fake = fakeHost(env as Record<string, string>, isTTY);
  await write(fake.host, fake.host.stdout, bold("x"));
  expect(fake.said()).toBe(shown);
});

test.each([true, false])("what is no style of ours is shown as its code (on a terminal: %p)", async (isTTY) => {
  const fake = fakeHost({}, isTTY);
  await write(fake.host, fake.host.stdout, "\u001b[1ma\u009b\u202e\r\n\tb\u{e0041}\u200d");
  expect(fake.said()).toBe("\\u001b[1ma\\u009b\\u202e\n\tb\\udb40\\udc41\u200d");
});

test("columns are aligned and lines end with their text", () => {
  expect(
    columns([
      ["a", "bbb", "c"],
      ["aaa", "b", ""],
    ]),
  ).toBe("a    bbb  c\naaa  b\n");
});
