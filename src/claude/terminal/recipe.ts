/** The command line and environment of an interactive session. Nothing of a conversation is on either. */

import type { HostTools } from "../../core/host-tools.ts";
import { hostToolFlags } from "../host-tools.ts";
import { baseEnvironment, bypassProxy, type Identity, type Recipe } from "../recipe.ts";
import type { Binding } from "./binding.ts";
import type { SessionFiles } from "./files.ts";
import { mcpServer } from "./names.ts";
import type { TerminalSettings } from "./settings.ts";

export interface TerminalRecipeOptions {
  /** Absolute path of the CLI. */
  bin: string;
  binding: Binding;
  identity: Identity;
  files: SessionFiles;
  /** The transcript of a conversation to go on with; null: it begins a new one. */
  resume: string | null;
  settings: TerminalSettings;
  hostTools: HostTools | null;
  upstreamUrl: string | undefined;
  environment: Record<string, string | undefined>;
  /** The owner's home. */
  owner: string;
}

export function terminalRecipe(options: TerminalRecipeOptions): Recipe {
  const { bin, binding, identity, files, resume, settings, hostTools, upstreamUrl, environment, owner } = options;
  const env = baseEnvironment({
    identity,
    scratch: files.path,
    temporary: files.temporary,
    hostTools,
    upstreamUrl,
    environment: identity.home === owner ? environment : { ...environment, CLAUDE_CONFIG_DIR: undefined },
  });
  // Our own listener, for the CLI's hooks and for the client's tools.
  bypassProxy(env, "127.0.0.1");
  Object.assign(env, {
    TERM: "xterm-256color",
    // The CLI gets each message through its editor key (composer.ts); a name, since a path may hold spaces.
    EDITOR: files.editor,
    VISUAL: files.editor,
    PATH: `${files.bin}:${env.PATH ?? ""}`,
    // Each would cost a request of its own, for a title or a suggestion that nobody sees.
    CLAUDE_CODE_DISABLE_TERMINAL_TITLE: "1",
    CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION: "false",
    // A client's tools take the time that they take: 2.1.330 goes on without them after two minutes, 2.1.197 after five.
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    CLAUDE_CODE_MCP_TOOL_IDLE_TIMEOUT: "0",
    MCP_TOOL_TIMEOUT: "86400000",
  });
  if (binding.maxTokens !== "") env.CLAUDE_CODE_MAX_OUTPUT_TOKENS = binding.maxTokens;
  if (binding.body !== "") env.CLAUDE_CODE_EXTRA_BODY = binding.body;
  if (binding.thinking !== null) env.MAX_THINKING_TOKENS = String(binding.thinking);
  const inherited = environment.CLAUDE_CODE_ENTRYPOINT;
  if (settings.entrypoint === "cli") env.CLAUDE_CODE_ENTRYPOINT = "cli";
  else if (settings.entrypoint === "off" && inherited !== undefined) env.CLAUDE_CODE_ENTRYPOINT = inherited;

  const tools = hostTools
    ? hostToolFlags(hostTools)
    : ["--tools", "", "--allowedTools", `mcp__${mcpServer}`, "--permission-mode", "default"];
  const mcp = binding.tools.length > 0 ? ["--mcp-config", files.mcp] : [];
  return {
    argv: [
      bin,
      ...(resume === null ? ["--session-id", files.id] : ["--resume", resume]),
      "--model",
      binding.model,
      ...(binding.effort === null ? [] : ["--effort", binding.effort]),
      "--setting-sources",
      "",
      "--strict-mcp-config",
      "--disable-slash-commands",
      ...tools,
      ...mcp,
      "--settings",
      files.settings,
      "--system-prompt-file",
      files.system,
    ],
    env,
    cwd: settings.cwd,
  };
}
