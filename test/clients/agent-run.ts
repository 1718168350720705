/**
 * Runs an agent against our server, the real CLI and the simulated API, in a home of its own, where `ocp connect` finds
 * and configures it and `ocp disconnect` leaves nothing. The model calls the agent's own tool that writes files, and the answer quotes what that returned.
 */

import { readFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import type { ReceivedRequest } from "../../src/demo/recorder.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { messageRequests, sessionOf } from "../chat/upstream.ts";
import { testEnv } from "../harness/env.ts";
import { type Ocp, ocpCommand, startOcp, type Target } from "../harness/ocp.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import type { Agent } from "./agents.ts";
import { callsThenQuotes, finalText, toolResult } from "./scenario.ts";

export interface AgentRun {
  /** What went wrong, a sentence each; none: all went as it should. */
  problems: string[];
  /** Requests for a message that went upstream. */
  requests: number;
  ms: number;
  /** The end of what the agent and the server said, for whoever looks for the cause. */
  said: string;
}

/** The settings that other tests take away: with processes that wait, as a user has it. */
const asInstalled = { OCP_LIVE_MAX: undefined, OCP_SPARES: undefined };
/** A server that asks for a key, as one for a network does. */
const key = "ocp_clients_0123456789";
const locked = { CLAUDE_AUTH_MODE: "shared", PROXY_API_KEY: key };
const model = "claude-sonnet-4-6";
const prompt = "Write the file greeting.txt.";
const text = 'Guten Tag, "world" & it\'s all there: $HOME ✓\n';
/** No honest run takes as long, and an agent that was not understood may try for ever. */
const deadlineMs = 60_000;

/** `program`: argv of the agent. */
export async function runAgent(agent: Agent, program: string[], target: Target): Promise<AgentRun> {
  await using temp = await createTemp();
  const project = join(temp.path, "project");
  const file = join(project, "greeting.txt");
  await mkdir(project);
  await using simulator = startSimulator({
    scenario: callsThenQuotes((offered) => agent.writing(offered, file, text)),
  });
  await using ocp = await startOcp({ target, simulator, env: { ...asInstalled, ...locked } });
  const home = homeOf(temp, project, program);

  const connected = await home.ocp(target, ["connect", ocp.url.replace("http://", ""), "--key", key]);
  // Its own request, to see whether the server answers.
  simulator.reset();
  const before = ocp.stderr().length;
  const written = filesUnder(temp.home);

  const begun = performance.now();
  const { code, signal, stdout, stderr } = await home.run([...program, ...agent.args(prompt, model)], agent.env);
  const ms = Math.round(performance.now() - begun);
  // What it left behind may still write to its files.
  await endAllAtHome(temp.home);
  const used = filesUnder(temp.home);
  const disconnected = await home.ocp(target, ["disconnect", "--json"]);
  const left = filesUnder(temp.home);

  const requests = messageRequests(simulator);
  const content = await readFile(file, "utf8").catch(() => null);
  const problems = [
    connected.code === 0 ? [] : "It could not be connected.",
    code === 0 ? [] : `It exited with ${signal ?? code}.`,
    content === text ? [] : content === null ? "The file was not written." : "The file holds something else.",
    resultProblems(requests, stdout, agent.rewrites === true),
    requests.length <= agent.mostRequests ? [] : `It sent ${requests.length} requests.`,
    // More would mean that the CLI ran the tool by itself, or that something was asked twice.
    (await answersOf(ocp, before, requests.length)) === requests.length
      ? []
      : "Answers and upstream requests do not match.",
    agent.usage.test(stdout) ? [] : "It does not say how many tokens were used.",
    disconnected.code === 0 ? [] : "It could not be disconnected.",
    leftovers(written, used, left, ocp.url),
  ].flat();
  const said = [connected.stdout, connected.stderr, stdout, stderr, disconnected.stdout, ocp.stderr()]
    .map((all) => all.slice(-2000))
    .join("\n---\n");
  return { problems, requests: requests.length, ms, said };
}

interface Ran {
  code: number;
  signal: string | number | null;
  stdout: string;
  stderr: string;
}

/** The user's shell: an empty home, the agent on the PATH, nothing of OCP in the environment. */
export function homeOf({ home }: Temp, cwd: string, [program = ""]: string[], timeout = deadlineMs) {
  const PATH = `${dirname(program)}:${process.env.PATH}`;
  const run = async (argv: string[], env: Record<string, string | undefined> = {}): Promise<Ran> => {
    const child = Bun.spawn(argv, {
      cwd,
      env: testEnv(home, { NODE_ENV: undefined, PATH, ...env }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout,
      killSignal: "SIGKILL",
    });
    const output = Promise.all([child.stdout.text(), child.stderr.text()]);
    const code = await child.exited;
    // What it left behind would hold its output open.
    await endAllAtHome(home);
    const [stdout, stderr] = await output;
    return { code, signal: child.signalCode, stdout, stderr };
  };
  return { run, ocp: (target: Target, args: string[]) => run([...ocpCommand(target), ...args], { NODE_ENV: "test" }) };
}

/** Content by path from the home, but for what Bun keeps of sources that it has run. */
function filesUnder(home: string): Map<string, string> {
  const names = [...new Glob("**/*").scanSync({ cwd: home, dot: true, onlyFiles: true })];
  return new Map(
    names.filter((name) => !name.startsWith(".bun/")).map((name) => [name, readFileSync(join(home, name), "latin1")]),
  );
}

/** What connect wrote is gone, to the byte; of a file that the agent has changed since, our entry alone. */
function leftovers(written: Map<string, string>, used: Map<string, string>, left: Map<string, string>, url: string) {
  return [...written].flatMap(([name, text]) => {
    const now = left.get(name);
    if (now === undefined) return [];
    if (used.get(name) === text) return `${name} is still there.`;
    return now.includes(url) || now.includes(key) ? `${name} still has our entry.` : [];
  });
}

export async function endAllAtHome(home: string): Promise<void> {
  const pids = processesAtHome(home).map(({ pid }) => pid);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
  await waitUntil("what the agent left has ended", () => processesAtHome(home).length === 0, 5000).catch(() => {});
}

/** How many requests for an answer the server has logged as answered, once they are as many as expected, or never. */
async function answersOf(ocp: Ocp, since: number, expected: number): Promise<number> {
  const lines = () =>
    ocp
      .stderr()
      .slice(since)
      .match(/ path=\/v1\/(messages|chat\/completions|responses) status=200 /g) ?? [];
  await waitUntil("the server has logged its answers", () => lines().length >= expected, 2000).catch(() => {});
  return lines().length;
}

function resultProblems(requests: ReceivedRequest[], stdout: string, rewrites: boolean): string[] {
  const answered = requests.findIndex(({ body }) => body && toolResult(body) !== undefined);
  if (answered === -1) return ["No result of the tool reached the model."];
  const result = toolResult(requests[answered]!.body!)!;
  const sessions = requests.map(sessionOf);
  return [
    rewrites || sessions.indexOf(sessions[answered]!) < answered
      ? []
      : "The result went to another process than the call came from.",
    isPrinted(stdout, finalText(result)) ? [] : "The answer was not printed.",
  ].flat();
}

/** As it is, or in JSON. */
function isPrinted(stdout: string, answer: string): boolean {
  return [answer, JSON.stringify(answer).slice(1, -1)].some((text) => squeezed(stdout).includes(squeezed(text)));
}

/** Terminals wrap lines. */
const squeezed = (all: string) => all.replace(/\s+/g, " ").trim();
