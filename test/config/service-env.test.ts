/** The service's environment file: a shell reads out of it what we do, and the user's own lines stay. */

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { changeServiceEnv, parseServiceEnv, readServiceEnv } from "../../src/config/service-env.ts";
import { createTemp } from "../harness/temp.ts";

const values = {
  CLAUDE_PROXY_PORT: "4000",
  EMPTY: "",
  SPACED: " a b ",
  SPECIAL: '$HOME `id` \\ "x" # ; & * ~',
  QUOTED: "it's",
  LETTERS: "Grüße 🙂",
};

test("a shell reads the same values out of it", async () => {
  await using temp = await createTemp();
  const file = join(temp.path, "service.env");
  writeFileSync(file, changeServiceEnv("", values));
  expect(readServiceEnv(file)).toEqual(values);
  const child = Bun.spawnSync(["sh", "-c", 'set -a; . "$1"; exec env -0', "sh", file], {
    env: { PATH: "/usr/bin:/bin" },
  });
  expect(child.stderr.toString()).toBe("");
  const read = new Map(
    child.stdout
      .toString()
      .split("\0")
      .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
  );
  expect(Object.fromEntries(Object.keys(values).map((name) => [name, read.get(name)]))).toEqual(values);
});

describe("a change", () => {
  const text = "# mine\n\nHTTPS_PROXY=http://10.0.0.1:8080\nPORT='1'\nnot an assignment\nPORT='2'\n";

  test("sets what it names and leaves every other line where it is", () => {
    expect(changeServiceEnv(text, { PORT: "3", NEW: "x" })).toBe(
      "# mine\n\nHTTPS_PROXY=http://10.0.0.1:8080\nPORT='3'\nnot an assignment\nNEW='x'\n",
    );
  });

  test("takes out what is undefined", () => {
    expect(changeServiceEnv(text, { PORT: undefined })).not.toContain("PORT");
  });

  test("that changes nothing leaves the text as it is, and again gives the same", () => {
    expect(changeServiceEnv(text, {})).toBe(text);
    const once = changeServiceEnv(text, values);
    expect(changeServiceEnv(once, values)).toBe(once);
  });

  test.each(["two\nlines", "\u0000", "it's $5", "\u007f"])("refuses %j", (value) => {
    expect(() => changeServiceEnv("", { NAME: value })).toThrow("NAME cannot be kept");
  });
});

test.each([
  ["A=1", { A: "1" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["  A=1  ", { A: "1" }],
  ['A="b c"', { A: "b c" }],
  ["A=1\nA=2", { A: "2" }],
  ["A=$(id)", {}],
  ["A='b", {}],
  ["export A=1", {}],
  ["# A=1", {}],
])("of %j it reads %j", (text, expected) => {
  expect(parseServiceEnv(text)).toEqual(expected as Record<string, string>);
});

test("no file is no variables", () => {
  expect(readServiceEnv("/nonexistent/service.env")).toEqual({});
});
