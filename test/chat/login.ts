/** A server whose login is a file, as the owner's own is: for tests of what happens when it changes. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary } from "../harness/claude.ts";
import { startOcp, type Target } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";

export const hour = 3_600_000;

/** What the CLI stores. `expiresAt` in epoch ms. */
export const login = (accessToken: string, expiresAt: number) =>
  JSON.stringify({
    claudeAiOauth: {
      accessToken,
      refreshToken: "sk-ant-ort01-test",
      expiresAt,
      scopes: ["user:inference", "user:profile"],
      subscriptionType: "max",
    },
  });

/** The file is there before the server starts; null: there is none. */
export async function serverWithLogin(target: Target, text: string | null, env: Record<string, string> = {}) {
  const temp = await createTemp();
  const config = join(temp.path, "claude-config");
  mkdirSync(config);
  const file = join(config, ".credentials.json");
  if (text !== null) writeFileSync(file, text);
  const simulator = startSimulator();
  const ocp = await startOcp({
    target,
    simulator,
    env: { CLAUDE_CODE_OAUTH_TOKEN: undefined, CLAUDE_CONFIG_DIR: config, ...env },
  });
  return {
    ocp,
    simulator,
    directory: temp.path,
    file,
    write: (next: string) => writeFileSync(file, next),
    /** The token on disk. */
    stored: () => JSON.parse(readFileSync(file, "utf8")).claudeAiOauth.accessToken as string,
    tokens: () =>
      simulator.requests
        .filter(({ path }) => path === "/v1/messages")
        .map(({ headers }) => headers.authorization?.replace("Bearer ", "")),
    health: async () => (await (await fetch(`${ocp.url}/health`)).json()) as any,
    async [Symbol.asyncDispose]() {
      await ocp[Symbol.asyncDispose]();
      await simulator.stop();
      await temp.remove();
    },
  };
}

/**
 * The real CLI cannot refresh a login without Anthropic: this program does what it does, slowly, and then runs it.
 * Only in the owner's home, where no token comes by environment.
 */
export async function createRefreshingCli() {
  const temp = await createTemp();
  const journal = join(temp.path, "journal");
  const go = join(temp.path, "go");
  const bin = join(temp.path, "claude");
  writeFileSync(journal, "");
  writeFileSync(
    bin,
    `#!/bin/sh
case "$*" in *--version*) exec ${claudeBinary()} "$@";; esac
if [ -z "$CLAUDE_CODE_OAUTH_TOKEN" ]; then
  echo begin >> ${journal}
  while [ ! -e ${go} ]; do sleep 0.02; done
  printf '%s' '${login("refreshed", Date.now() + hour)}' > "$CLAUDE_CONFIG_DIR/.credentials.json"
  echo end >> ${journal}
fi
exec ${claudeBinary()} "$@"
`,
  );
  chmodSync(bin, 0o755);
  return {
    bin,
    /** `begin` and `end` of each refresh, a line each. */
    journal: () => readFileSync(journal, "utf8"),
    /** Lets the refreshes go on. */
    go: () => writeFileSync(go, ""),
    [Symbol.asyncDispose]: temp.remove,
  };
}
