/** The `claude` CLI, its login and the home that it runs in. */

import { type Finding, human } from "./check.ts";
import { findClaude, findLogin } from "./claude.ts";
import type { DoctorContext } from "./context.ts";

/** What the tests run with. */
const tested = { oldest: "2.1.197", newest: "2.1.330" };

export async function claude({ settings, paths }: DoctorContext): Promise<Finding> {
  const { path, version, problem } = await findClaude(settings, paths);
  const evidence = { path, version };
  if (path === null) {
    const steps = [
      "Install the official claude CLI: npm install -g @anthropic-ai/claude-code",
      "Where it is in an odd place, name it: CLAUDE_BIN=/path/to/claude ocp install",
    ];
    return {
      level: "failure",
      message: problem ?? "The claude CLI was not found.",
      evidence,
      remedy: human("install_claude", ...steps),
    };
  }
  if (version === null) {
    return {
      level: "failure",
      message: `${path} does not say its version.`,
      evidence,
      remedy: human("install_claude", `See what \`${path} --version\` says; install it anew if it fails.`),
    };
  }
  if (Bun.semver.order(version, tested.oldest) < 0) {
    return {
      level: "warning",
      message: `claude ${version} is older than the oldest that OCP is tested with (${tested.oldest}).`,
      evidence,
      remedy: human("update_claude", "Bring it up to date: claude update"),
    };
  }
  const note =
    Bun.semver.order(version, tested.newest) > 0
      ? `, newer than the newest that OCP is tested with (${tested.newest})`
      : "";
  return { level: "ok", message: `claude ${version}${note}.`, evidence };
}

const logIn = [
  "On this machine, as this user: run `claude` and log in.",
  "Without a browser: run `claude setup-token` on a machine that has one, and here: CLAUDE_CODE_OAUTH_TOKEN=<the token> ocp install",
];

export async function login({ settings, paths, machine, health }: DoctorContext): Promise<Finding> {
  const { state, source, expiresAt } = await findLogin(settings, paths, machine.platform, machine.now);
  const evidence = { state, source, expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString() };
  if (state === "missing")
    return { level: "failure", message: "claude is not logged in.", evidence, remedy: human("fix_oauth", ...logIn) };
  const auth = (await health())?.auth as { state?: unknown } | undefined;
  if (auth?.state === "rejected") {
    return {
      level: "failure",
      message: "Anthropic refused this login.",
      evidence,
      remedy: human("fix_oauth", ...logIn),
    };
  }
  if (state === "expiring")
    return { level: "ok", message: "The login has run out; claude renews it with the next request.", evidence };
  const until = expiresAt === null ? "" : `, good until ${new Date(expiresAt).toISOString()}`;
  return { level: "ok", message: `claude is logged in (${source}${until}).`, evidence };
}

export async function isolation({ settings, health }: DoctorContext): Promise<Finding> {
  const spawn = (await health())?.spawn as { isolated?: unknown; reason?: unknown } | undefined;
  const wanted = settings.OCP_SPAWN_REAL_HOME ?? null;
  const evidence = {
    isolated: typeof spawn?.isolated === "boolean" ? spawn.isolated : null,
    OCP_SPAWN_REAL_HOME: wanted,
  };
  if (spawn === undefined)
    return {
      level: "unknown",
      message: "The server does not answer, so it is not known in which home claude runs.",
      evidence,
    };
  if (spawn.isolated === true) return { level: "ok", message: "claude runs in a home of its own.", evidence };
  return { level: "warning", message: `claude runs in your home: ${String(spawn.reason ?? "unknown")}.`, evidence };
}
