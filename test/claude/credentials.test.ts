/** A login is read for what it is: odd dates are none, and a token that cannot stand in a header is no token. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCredential } from "../../src/claude/credentials.ts";
import { createTemp } from "../harness/temp.ts";

/** What is read from a file, or from a keychain, with this text. */
async function read(source: "file" | "keychain", text: string) {
  await using temp = await createTemp();
  const configDirectory = join(temp.home, ".claude");
  mkdirSync(configDirectory);
  if (source === "file") writeFileSync(join(configDirectory, ".credentials.json"), text);
  const keychain = source === "keychain" ? async () => text : null;
  return readCredential({ environment: undefined, configDirectory, keychain });
}

const login = (accessToken: string, expiresAt = "null") =>
  `{"claudeAiOauth":{"accessToken":${accessToken},"expiresAt":${expiresAt}}}`;

describe.each(["file", "keychain"] as const)("a login of the %s", (source) => {
  const dates = [
    ["1795000000000", 1_795_000_000_000],
    ["0", 0],
    ["1.8e18", null],
    ["-1.8e18", null],
    ["1e999", null],
    ["-1e999", null],
    ['"soon"', null],
    ['"1795000000000"', null],
    ["{}", null],
    ["null", null],
  ] as const;
  test.each(dates)("that expires at %s", async (date, expiresAt) => {
    expect(await read(source, login('"token"', date))).toEqual({
      token: "token",
      source,
      expiresAt,
      subscription: null,
    });
  });

  test.each([
    ['"max"', "max"],
    ['"\\u001b[31m"', null],
    ["7", null],
  ] as const)("of the subscription %s", async (given, subscription) => {
    const text = `{"claudeAiOauth":{"accessToken":"token","subscriptionType":${given}}}`;
    expect(await read(source, text)).toMatchObject({ subscription });
  });

  const tokens = [
    '"a\\u0000b"',
    '"a\\nb"',
    '"a\\n"',
    '"\\r\\nX-Evil: 1"',
    '"a b"',
    '" "',
    '""',
    '"ä"',
    "7",
    "null",
    '["a"]',
  ];
  test.each(tokens)("is none with a token of %s", async (token) => {
    expect(await read(source, login(token))).toBeNull();
  });

  test("may have a long token", async () => {
    const token = `sk-ant-oat01-${"A-_9".repeat(50_000)}`;
    expect(await read(source, login(JSON.stringify(token)))).toMatchObject({ token });
  });
});
