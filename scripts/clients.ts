/**
 * `bun run clients [name ...]`: real agents through the built binary, the real CLI and the simulated API; npm installs
 * those that are missing into node_modules/.cache/clients. One line an agent, the last is `N passed, N failed`.
 * The agents run without any network but loopback where the system lets us take it away: Linux, as root.
 */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AgentRun, runAgent } from "../test/clients/agent-run.ts";
import { type Agent, agents } from "../test/clients/agents.ts";
import { runGateway } from "../test/clients/gateway.ts";
import { folderOf, programOf } from "../test/clients/installed.ts";
import { summaryLine } from "./test-summary.ts";

const root = join(import.meta.dir, "..");
/** Set for the run of this script that has no network. */
const insideFlag = "--without-network";
const longestRunMs = 10 * 60_000;

const given = process.argv.slice(2);
const names = given.filter((name) => name !== insideFlag);
/** Not an agent but a plugin of ours in one. */
const gateway = "openclaw-plugin";
const known = [...agents.map(({ name }) => name), gateway];
const unknown = names.filter((name) => !known.includes(name));
const isChosen = (name: string) => names.length === 0 || names.includes(name);
const chosen = agents.filter(({ name }) => isChosen(name));
const openclaw = agents.find(({ name }) => name === "openclaw");

if (unknown.length > 0) {
  console.error(`No such client: ${unknown.join(", ")}. There are ${known.join(", ")}.`);
  process.exitCode = 2;
} else if (given.includes(insideFlag)) {
  process.exitCode = await runAll(chosen);
} else {
  for (const agent of chosen) install(agent);
  if (openclaw && isChosen(gateway)) install(openclaw);
  if (await canLeaveNetwork()) {
    const script = 'ip link set lo up && exec "$@"';
    const inside = [process.execPath, import.meta.path, insideFlag, ...names];
    process.exitCode = await run(["unshare", "-n", "sh", "-c", script, "sh", ...inside], "inherit", longestRunMs);
  } else {
    process.exitCode = await runAll(chosen);
  }
}

async function runAll(chosen: Agent[]): Promise<number> {
  let failed = 0;
  const runs = [
    ...chosen.map((agent) => [agent.name, () => runAgent(agent, [programOf(agent)], "binary")] as const),
    ...(openclaw && isChosen(gateway) ? [[gateway, () => runGateway(programOf(openclaw), "binary")] as const] : []),
  ];
  for (const [name, act] of runs) {
    const { problems, requests, ms, said } = await attempt(act);
    if (problems.length > 0) {
      failed++;
      console.error(said);
    }
    const verdict = problems.length === 0 ? "ok" : `FAILED: ${problems.join(" ")}`;
    console.log(`${name.padEnd(15)} ${(ms / 1000).toFixed(1).padStart(5)} s  ${requests} requests  ${verdict}`);
  }
  const counts = { passed: runs.length - failed, failed, skipped: 0 };
  console.log(summaryLine(counts, failed === 0));
  return failed === 0 ? 0 : 1;
}

/** An agent that cannot even be started counts as one that failed. */
function attempt(act: () => Promise<AgentRun>): Promise<AgentRun> {
  return act().catch((cause) => ({
    problems: ["It could not be run."],
    requests: 0,
    ms: 0,
    said: String(cause),
  }));
}

/** Installs to a scratch folder first, so that what is in the cache is whole. */
function install(agent: Agent): void {
  if (agent.package === null || existsSync(programOf(agent))) return;
  const folder = folderOf(agent.package);
  const scratch = `${folder}.new`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, "package.json"), '{ "private": true }\n');
  // One that brings a Node of its own installs what comes after it with that.
  const PATH = `${join(scratch, "node_modules", ".bin")}:${process.env.PATH}`;
  for (const spec of agent.package.specs) {
    const args = ["install", "--silent", "--no-audit", "--no-fund", spec];
    const options = { cwd: scratch, env: { ...process.env, PATH }, stdin: "ignore", stdout: 2, stderr: 2 } as const;
    const { exitCode } = Bun.spawnSync(["npm", ...args], options);
    if (exitCode !== 0) throw new Error(`npm could not install ${spec}.`);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(scratch, folder);
}

async function canLeaveNetwork(): Promise<boolean> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  if (!Bun.which("unshare") || !Bun.which("ip")) return false;
  return (await run(["unshare", "-n", "ip", "link", "set", "lo", "up"], "ignore", 10_000)) === 0;
}

function run(argv: string[], output: "inherit" | "ignore", timeout: number): Promise<number> {
  const options = {
    cwd: root,
    stdin: "ignore",
    stdout: output,
    stderr: output,
    timeout,
    killSignal: "SIGKILL",
  } as const;
  return Bun.spawn(argv, options).exited;
}
