/** The agents that are tried against the server, each configured by `ocp connect` in an empty home. */

import type { ToolCall } from "./scenario.ts";

export interface Agent {
  name: string;
  /** As `ocp connect --only` names it. */
  client: string;
  /** What npm installs, one after the other, and the program in it; null: the newest CLI of the dev dependencies. */
  package: { specs: string[]; program: string } | null;
  /** Its arguments for one question in a directory that is its project. */
  args(prompt: string, model: string): string[];
  /** What it needs to be quiet; nothing of it says where the server is. */
  env?: Record<string, string>;
  /** The call of one of its own tools that writes a text to a file; undefined: none of these does. */
  writing(offered: string[], path: string, text: string): ToolCall | undefined;
  /** Requests that it sends at most in an honest run: one for the call, one for the answer, the rest for titles. */
  mostRequests: number;
  /** Where what it printed says how many tokens were used. */
  usage: RegExp;
  /** It sends other words for what was said before, so that no process can go on. */
  rewrites?: boolean;
}

/** The tokens of the simulated answers, as `scenario.ts` has them, all together or those of one of the two. */
const counts = "(100|110|120|130|140|150|170|175|20|30|12|42|32|320|325|367)";

const claudeCode: Agent = {
  name: "claude-code",
  client: "claude-code",
  package: null,
  args: (prompt, model) => ["-p", prompt, "--model", model, "--allowedTools", "Write", "--output-format", "json"],
  env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" },
  writing: (offered, path, text) => oneOf(offered, { Write: { file_path: path, content: text } }),
  mostRequests: 3,
  usage: new RegExp(`"output_tokens":${counts}`),
};

const opencode: Agent = {
  name: "opencode",
  client: "opencode",
  package: { specs: ["opencode-ai@1.18.33"], program: "opencode" },
  args: (prompt, model) => ["run", "--format", "json", "--model", `ocp/${model}`, prompt],
  env: { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
  writing: (offered, path, text) => oneOf(offered, { write: { filePath: path, content: text } }),
  mostRequests: 4,
  usage: new RegExp(`"output":${counts}`),
};

const kilo: Agent = {
  name: "kilo",
  client: "kilo",
  // Its own choice of the platform's package fails where one of them is not on the registry.
  package: { specs: ["@kilocode/cli-linux-x64@7.7.9", "@kilocode/cli@7.8.1"], program: "kilo" },
  args: (prompt, model) => ["run", "--auto", "--format", "json", "--model", `ocp/${model}`, prompt],
  env: { KILO_DISABLE_AUTOUPDATE: "1", KILO_DISABLE_MODELS_FETCH: "1", KILO_TELEMETRY_LEVEL: "off" },
  writing: opencode.writing,
  mostRequests: 4,
  usage: opencode.usage,
};

const codex: Agent = {
  name: "codex",
  client: "codex",
  package: { specs: ["@openai/codex@0.169.0"], program: "codex" },
  args: (prompt) => [
    "exec",
    "-p",
    "ocp",
    "--json",
    "--skip-git-repo-check",
    "--dangerously-bypass-approvals-and-sandbox",
    prompt,
  ],
  writing(offered, path, text) {
    const command = `printf %s ${quoted(text)} > ${quoted(path)} && echo written`;
    return oneOf(offered, {
      exec_command: { cmd: command },
      shell_command: { command },
      shell: { command: ["sh", "-c", command] },
    });
  },
  mostRequests: 3,
  usage: new RegExp(`"output_tokens":${counts}`),
};

const continueDev: Agent = {
  name: "continue",
  client: "continue",
  package: { specs: ["@continuedev/cli@1.5.47"], program: "cn" },
  args: (prompt) => ["--auto", "-p", prompt],
  env: { CONTINUE_TELEMETRY_ENABLED: "0" },
  writing: (offered, path, text) => oneOf(offered, { Write: { filepath: path, content: text } }),
  mostRequests: 3,
  // Its headless mode prints the answer alone.
  usage: /./,
};

const cline: Agent = {
  name: "cline",
  client: "cline",
  package: { specs: ["cline@3.0.65"], program: "cline" },
  args: (prompt) => ["--json", prompt],
  env: { CLINE_TELEMETRY_DISABLED: "1" },
  writing(offered, path, text) {
    return oneOf(offered, {
      write_to_file: { path, content: text },
      editor: { command: "create", path, file_text: text, new_text: text },
    });
  },
  mostRequests: 4,
  usage: new RegExp(`okens[A-Za-z]*":${counts}`),
};

const openclaw: Agent = {
  name: "openclaw",
  client: "openclaw",
  package: { specs: ["node@24.21.0", "openclaw@2026.9.6"], program: "openclaw" },
  args: (prompt) => ["agent", "--local", "--agent", "main", "--message", prompt, "--json", "--timeout", "60"],
  writing: (offered, path, text) => oneOf(offered, { write: { path, content: text } }),
  mostRequests: 4,
  usage: new RegExp(`"output": ?${counts}`),
  // What it tells of its own state moves from the first question to the end.
  rewrites: true,
};

export const agents: readonly Agent[] = [claudeCode, opencode, kilo, codex, continueDev, cline, openclaw];
/** The one that every run of the tests has at hand. */
export { claudeCode };

/** A call of the first of these tools that is offered. */
function oneOf(offered: string[], inputs: Record<string, ToolCall["input"]>): ToolCall | undefined {
  const found = Object.entries(inputs).find(([name]) => offered.includes(name));
  return found && { name: found[0], input: found[1] };
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
