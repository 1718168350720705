/** The unit that `ocp install` writes, by systemd's own judgement and in a real one. */

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { environmentOf, keepAdditions, marker, unitText, withoutVariables } from "../../src/service/unit.ts";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { requiredForSystemd, runBesideSystemd } from "../harness/systemd.ts";
import { createTemp } from "../harness/temp.ts";

const options = { program: "/home/me/.local/bin/ocp", environmentFile: "/home/me/.ocp/service.env", user: null };

needs(...requiredForSystemd).test(
  "a real systemd runs it through its whole life",
  async () => {
    await using temp = await createTemp();
    const [binary = ""] = ocpCommand("binary");
    const env = testEnv(temp.home, { CLAUDE_BIN: claudeBinary(), CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test" });
    const life = await runBesideSystemd([process.execPath, join(import.meta.dir, "systemd-life.ts"), binary], env);
    expect(life.stderr).toBe("");
    expect(life.stdout.trim().split("\n")).toEqual([
      "takes over the units of older versions and answers",
      "an installation that changes nothing leaves the server alone",
      "a server that was killed comes back",
      "what the user added stays, and systemd reads the environment as we do",
      "it stops, starts, and restarts with its settings as they are then",
      "settings that the server would refuse change nothing",
      "what was installed is gone, and the data is still there",
    ]);
    expect(life.code).toBe(0);
  },
  120_000,
);

needs("systemd").describe("systemd-analyze finds no fault in", () => {
  test.each([
    ["the user's unit", options],
    ["the system's unit", { ...options, user: "root" }],
    [
      "one of a program with an odd name",
      { ...options, program: "/opt/a b $c %d/ocp", environmentFile: "/home/a b/%h/service.env" },
    ],
  ])("%s", async (_, each) => {
    await using temp = await createTemp();
    const program = join(temp.path, each.program === options.program ? "ocp" : "a b $c %d");
    writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
    const file = join(temp.path, "ocp-proxy.service");
    writeFileSync(file, unitText({ ...each, program }));
    const scope = each.user === null ? "--user" : "--system";
    const child = Bun.spawnSync(["systemd-analyze", scope, "verify", "--man=no", file], {
      env: testEnv(temp.home, { XDG_RUNTIME_DIR: temp.path }),
    });
    expect(child.stderr.toString()).toBe("");
    expect(child.exitCode).toBe(0);
  });
});

test("a program that systemd does not take is refused", () => {
  expect(() => unitText({ ...options, program: '/opt/a"b/ocp' })).toThrow("move /opt/a");
});

describe("of a unit that is there already", () => {
  const text = unitText(options);

  test("lines with keys of the user's own stay in their sections", () => {
    const edited = text
      .replace("[Install]", 'Environment="A=1"\nNice=5\n\n[Install]')
      .replace("RestartSec=5", "RestartSec=9");
    const kept = keepAdditions(text, edited);
    expect(kept).toContain("UMask=0077\n");
    expect(kept).toMatch(/\[Service\]\n[^[]*Environment="A=1"\nNice=5\n[^[]*\[Install\]/);
    expect(kept).toContain("RestartSec=5");
    expect(keepAdditions(text, kept)).toBe(kept);
  });

  test("sections of the user's own stay", () => {
    expect(keepAdditions(text, `${text}\n[X-Mine]\nA=1\n`)).not.toContain("undefined");
  });

  test("an older version's leaves its environment alone, without what the server keeps elsewhere", () => {
    const older = "[Service]\nExecStart=/usr/bin/node /x/server.mjs\nEnvironment=CLAUDE_BIND=0.0.0.0 MINE=1\nNice=5\n";
    expect(environmentOf(older)).toEqual({ CLAUDE_BIND: "0.0.0.0", MINE: "1" });
    const kept = keepAdditions(text, withoutVariables(older, new Set(["CLAUDE_BIND"])));
    expect(kept).toContain('Environment="MINE=1"');
    expect(kept).not.toMatch(/node|CLAUDE_BIND|Nice/);
    expect(kept).toStartWith(marker);
  });
});

test.each([
  ["Environment=A=1 B=2", { A: "1", B: "2" }],
  ['Environment="A=b c" \'D=e "f"\'', { A: "b c", D: 'e "f"' }],
  ["Environment=A=1\nEnvironment=A=2", { A: "2" }],
  ["Environment=A=100%%", { A: "100%" }],
  ["Environment=A=b\\\n  C=d", { A: "b", C: "d" }],
  ["Environment=", {}],
  ["Environment=1A=2 =x", {}],
])("of %j the variables are read", (lines, expected) => {
  expect(environmentOf(`[Service]\n${lines}\n`)).toEqual(expected as Record<string, string>);
});
