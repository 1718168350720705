/** The commands that print something and end, and every way to write a wrong command line. */

import { describe, expect, test } from "bun:test";
import manifest from "../../package.json";
import { ocpCommand, targets } from "../harness/ocp.ts";
import { runOcp } from "./run.ts";

const ansi = "\u001b";

describe.each(targets())("ocp from %s", (target) => {
  test.each([[["--version"]], [["-v"]], [["version"]]])("%j prints the version alone", async (args) => {
    expect(await runOcp(target, args)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  test.each([[["version", "--json"]], [["--version", "--json"]]])("%j prints JSON", async (args) => {
    const { code, stdout, stderr } = await runOcp(target, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      version: manifest.version,
      bun: Bun.version,
      platform: process.platform,
      arch: process.arch,
    });
  });

  test("models is a table with one line a model", async () => {
    const { code, stdout, stderr } = await runOcp(target, ["models"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head, ...rows] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^ID +NAME +CONTEXT +OUTPUT +ALIASES$/);
    expect(rows.every((row) => /^claude-[a-z0-9-]+ +Claude .* +\d+ +\d+ +\S/.test(row))).toBe(true);
    expect(rows.find((row) => row.startsWith("claude-sonnet-5-5 "))).toContain("sonnet");
  });

  test("models --json holds what the table shows", async () => {
    const { code, stdout, stderr } = await runOcp(target, ["models", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toContainEqual({
      id: "claude-sonnet-5-5",
      name: "Claude Sonnet 5.5",
      contextWindow: 1_000_000,
      maxTokens: 128_000,
      aliases: ["sonnet"],
    });
  });

  test.each([[[]], [["help"]], [["--help"]], [["-h"]]])("%j lists every command", async (args) => {
    const { code, stdout, stderr } = await runOcp(target, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of [
      "serve",
      "keys",
      "usage",
      "settings",
      "logs",
      "models",
      "sessions",
      "clear",
      "cache",
      "version",
      "help",
    ])
      expect(stdout).toMatch(new RegExp(`^ +${name} +[A-Z]`, "m"));
    expect(stdout).not.toContain(ansi);
  });

  test.each(["serve", "settings", "logs", "models", "sessions", "clear", "cache", "version", "help"])(
    "%s has a page of its own, by flag and by help",
    async (name) => {
      const [byFlag, byHelp] = [await runOcp(target, [name, "--help"]), await runOcp(target, ["help", name])];
      expect(byFlag).toEqual(byHelp);
      expect(byFlag).toMatchObject({ code: 0, stderr: "" });
      expect(byFlag.stdout).toContain(`USAGE ocp ${name}`);
    },
  );

  test("no colour reaches a pipe, even if one is asked for", async () => {
    const { stdout } = await runOcp(target, ["--help"], { FORCE_COLOR: "1", CLICOLOR_FORCE: "1" });
    expect(stdout).not.toContain(ansi);
  });

  test("a reader that leaves early is no error", async () => {
    const script = '{ "$@"; echo "exit $?" >&2; } | exec true';
    const child = Bun.spawn(["sh", "-c", script, "sh", ...ocpCommand(target), "serve", "--help"], { stderr: "pipe" });
    expect(await child.stderr.text()).toBe("exit 0\n");
  });

  test.each([
    [["srve"], 'no command "srve". Did you mean serve?'],
    [["constructor"], 'no command "constructor". See'],
    [["help", "srve"], "Did you mean serve?"],
    [["--verzion"], 'no flag "--verzion". Did you mean --version?'],
    [["serve", "--prot", "1"], "`ocp serve` has no flag --prot. Did you mean --port?"],
    [["serve", "--maxConcurrent=3"], "no flag --maxConcurrent. Did you mean --max-concurrent?"],
    [["serve", "--no-demo"], "no flag --no-demo"],
    [["serve", "--demo=yes"], "--demo takes no value"],
    [["serve", "--port"], "--port needs a value"],
    [["serve", "--port", "--demo"], "--port needs a value"],
    [["serve", "--port", "abc"], '--port is "abc"'],
    [["serve", "--port", "-1"], '--port is "-1"'],
    [["serve", "now"], 'does not take the argument "now"'],
    [["serve", "--", "now"], 'does not take the argument "now"'],
    [["models", "sonnet"], 'does not take the argument "sonnet"'],
    [["models", "--jsno"], "Did you mean --json?"],
    [["version", "--port", "1"], "`ocp version` has no flag --port"],
    [["--version", "now"], 'does not take the argument "now"'],
    [["help", "serve", "models"], 'does not take the argument "models"'],
  ])("%j is refused", async (args, sentence) => {
    const { code, stdout, stderr } = await runOcp(target, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith("ocp: ");
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/\n\s+at |\.ts:\d/);
    expect(stderr).not.toContain(ansi);
  });
});
