/** The agents that are tried against the server, each as its own documentation says to point it at one. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ToolCall } from "./scenario.ts";

/** Where an agent works: an empty home, an empty project that is its directory, and the server's origin. */
export interface Place {
  home: string;
  project: string;
  url: string;
}

export interface Agent {
  name: string;
  /** What npm installs, and the program in it; null: the newest CLI of the dev dependencies. */
  package: { spec: string; program: string } | null;
  /** Writes its settings; returns the arguments and what it needs in its environment. */
  prepare(place: Place, prompt: string): Promise<{ args: string[]; env: Record<string, string> }>;
  /** The call of one of its own tools that writes a text to a file; undefined: none of these does. */
  writing(offered: string[], path: string, text: string): ToolCall | undefined;
  /** Requests that it sends at most in an honest run: one for the call, one for the answer, the rest for titles. */
  mostRequests: number;
}

const key = "none";
const model = "claude-sonnet-4-6";

export const claudeCode: Agent = {
  name: "claude-code",
  package: null,
  async prepare({ url }, prompt) {
    return {
      args: ["-p", prompt, "--model", model, "--allowedTools", "Write"],
      env: {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: key,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      },
    };
  },
  writing: (offered, path, text) => oneOf(offered, { Write: { file_path: path, content: text } }),
  mostRequests: 3,
};

export const opencode: Agent = {
  name: "opencode",
  package: { spec: "opencode-ai@1.18.33", program: "opencode" },
  async prepare({ home, url }, prompt) {
    const settings = {
      provider: {
        ocp: {
          npm: "@ai-sdk/openai-compatible",
          name: "OCP",
          options: { baseURL: `${url}/v1`, apiKey: key },
          models: { [model]: { name: "Sonnet", tool_call: true, limit: { context: 200_000, output: 32_000 } } },
        },
      },
      model: `ocp/${model}`,
      small_model: `ocp/${model}`,
    };
    await put(join(home, ".config", "opencode"), "opencode.json", JSON.stringify(settings));
    return {
      args: ["run", "--model", `ocp/${model}`, prompt],
      env: { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
    };
  },
  writing: (offered, path, text) => oneOf(offered, { write: { filePath: path, content: text } }),
  mostRequests: 4,
};

export const codex: Agent = {
  name: "codex",
  package: { spec: "@openai/codex@0.169.0", program: "codex" },
  async prepare({ home, url }, prompt) {
    const settings = [
      `model = "${model}"`,
      'model_provider = "ocp"',
      "[model_providers.ocp]",
      'name = "OCP"',
      `base_url = "${url}/v1"`,
      'wire_api = "responses"',
      'env_key = "OCP_API_KEY"',
    ];
    await put(join(home, ".codex"), "config.toml", `${settings.join("\n")}\n`);
    return {
      args: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
      env: { OCP_API_KEY: key },
    };
  },
  writing(offered, path, text) {
    const command = `printf %s ${quoted(text)} > ${quoted(path)} && echo written`;
    return oneOf(offered, {
      exec_command: { cmd: command },
      shell_command: { command },
      shell: { command: ["sh", "-c", command] },
    });
  },
  mostRequests: 3,
};

export const agents: Agent[] = [claudeCode, opencode, codex];

/** A call of the first of these tools that is offered. */
function oneOf(offered: string[], inputs: Record<string, ToolCall["input"]>): ToolCall | undefined {
  const found = Object.entries(inputs).find(([name]) => offered.includes(name));
  return found && { name: found[0], input: found[1] };
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function put(folder: string, file: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, file), text);
}
