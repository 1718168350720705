/** Completion, in the shells themselves. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { runOcp } from "./run.ts";

/** A home with the binary on its PATH, as `ocp`. */
async function place() {
  const temp = await createTemp();
  const bin = join(temp.path, "bin");
  mkdirSync(bin);
  symlinkSync(ocpCommand("binary")[0] as string, join(bin, "ocp"));
  return { temp, env: testEnv(temp.home, { PATH: `${bin}:${process.env.PATH}` }) };
}

async function sh(argv: string[], env: Record<string, string>): Promise<string> {
  const child = Bun.spawn(argv, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(stderr).toBe("");
  return stdout;
}

const lines: ReadonlyArray<[words: string[], expected: string[]]> = [
  [["ke"], ["keys"]],
  [
    ["keys", "re"],
    ["revoke", "rename"],
  ],
  [
    ["install", "--auth-mode", ""],
    ["none", "shared", "multi"],
  ],
  [
    ["doctor", "--"],
    ["--check", "--json", "--help"],
  ],
  [["restart", ""], ["gateway"]],
  [["help", "un"], ["uninstall"]],
  [
    ["completions", ""],
    ["bash", "zsh", "fish"],
  ],
  [["nothing", ""], []],
  [["version", "--json", ""], []],
];

describe.each(targets())("ocp completions from %s", (target) => {
  test.each(lines)("after %j offers %j", async (words, expected) => {
    const { code, stdout, stderr } = await runOcp(target, ["completions", "candidates", "--", ...words]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split("\t")[0]),
    ).toEqual(expected);
  });

  test("refuses a shell that it does not know", async () => {
    const { code, stdout, stderr } = await runOcp(target, ["completions", "csh"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain('bash, zsh, fish, not for "csh"');
  });
});

needs("bash").test.each(lines)("bash completes %j to %j", async (words, expected) => {
  const { temp, env } = await place();
  await using _ = temp;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  const show = 'printf "%s\\n" "${COMPREPLY[@]}"';
  const script = `eval "$(ocp completions bash)"; COMP_WORDS=(ocp "$@"); COMP_CWORD=$#; _ocp; ${show}`;
  expect((await sh(["bash", "--norc", "-c", script, "bash", ...words], env)).split("\n").filter(Boolean)).toEqual(
    expected,
  );
});

const begun = lines.filter(([words]) => words.at(-1) !== "");

needs("fish").test.each(begun)("fish completes %j to %j", async (words, expected) => {
  const { temp, env } = await place();
  await using _ = temp;
  const script = `ocp completions fish | source; complete -C "ocp ${words.join(" ")}"`;
  const found = (await sh(["fish", "--no-config", "-c", script], env)).split("\n").filter(Boolean);
  expect(found.map((line) => line.split("\t")[0] as string).sort()).toEqual([...expected].sort());
});

needs("fish").test("fish completes the word that is not begun", async () => {
  const { temp, env } = await place();
  await using _ = temp;
  const found = await sh(
    ["fish", "--no-config", "-c", 'ocp completions fish | source; complete -C "ocp completions "'],
    env,
  );
  expect(found.split("\n").filter(Boolean).sort()).toEqual(["bash", "fish", "zsh"]);
});

needs("zsh").test(
  "zsh completes what is typed",
  async () => {
    const { temp, env } = await place();
    await using _ = temp;
    writeFileSync(
      join(temp.home, ".zshrc"),
      'PS1="ready> "\nautoload -Uz compinit && compinit -u\neval "$(ocp completions zsh)"\n',
    );
    let screen = "";
    const seen: Array<() => void> = [];
    const child = Bun.spawn(["zsh", "-i"], {
      env: { ...env, TERM: "dumb" },
      terminal: {
        cols: 120,
        rows: 30,
        data(_, bytes) {
          screen += new TextDecoder().decode(bytes);
          for (const look of seen) look();
        },
      },
    });
    const until = (text: string) =>
      new Promise<void>((resolve) => {
        // What a shell writes over is not what is seen.
        const look = () => withoutOverwritten(screen).includes(text) && resolve();
        seen.push(look);
        look();
      });
    try {
      await until("ready> ");
      child.terminal?.write("ocp comp\t");
      await until("ocp completions ");
      child.terminal?.write("fi\t");
      await until("ocp completions fish");
      expect(screen).not.toMatch(/command not found|error/);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  },
  15_000,
);

/** A backspace takes the character before it. */
function withoutOverwritten(screen: string): string {
  return [...screen].reduce((seen, each) => (each === "\b" ? seen.slice(0, -1) : seen + each), "");
}
