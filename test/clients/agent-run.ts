/**
 * Runs an agent against our server, the real CLI and the simulated API, in a home and a project of its own. The model
 * calls the agent's own tool that writes files, and the answer quotes what that returned.
 */

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ReceivedRequest } from "../../src/demo/recorder.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { messageRequests, sessionOf } from "../chat/upstream.ts";
import { testEnv } from "../harness/env.ts";
import { type Ocp, startOcp, type Target } from "../harness/ocp.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
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
  await using ocp = await startOcp({ target, simulator, env: asInstalled });
  const { args, env } = await agent.prepare({ home: temp.home, project, url: ocp.url }, prompt);

  const begun = performance.now();
  const child = Bun.spawn([...program, ...args], {
    cwd: project,
    env: testEnv(temp.home, { NODE_ENV: undefined, ...env }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  const output = Promise.all([child.stdout.text(), child.stderr.text()]);
  const code = await child.exited;
  const ms = Math.round(performance.now() - begun);
  // What it left behind would hold its output open.
  endAllAtHome(temp.home);
  const [stdout, stderr] = await output;

  const requests = messageRequests(simulator);
  const content = await readFile(file, "utf8").catch(() => null);
  const problems = [
    code === 0 ? [] : `It exited with ${child.signalCode ?? code}.`,
    content === text ? [] : content === null ? "The file was not written." : "The file holds something else.",
    resultProblems(requests, stdout),
    requests.length <= agent.mostRequests ? [] : `It sent ${requests.length} requests.`,
    // More would mean that the CLI ran the tool by itself, or that something was asked twice.
    (await answersOf(ocp, requests.length)) === requests.length ? [] : "Answers and upstream requests do not match.",
  ].flat();
  const said = [stdout, stderr, ocp.stderr()].map((all) => all.slice(-2000)).join("\n---\n");
  return { problems, requests: requests.length, ms, said };
}

function endAllAtHome(home: string): void {
  for (const { pid } of processesAtHome(home)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

/** How many requests for an answer the server has logged as answered, once they are as many as expected, or never. */
async function answersOf(ocp: Ocp, expected: number): Promise<number> {
  const lines = () => ocp.stderr().match(/ path=\/v1\/(messages|chat\/completions|responses) status=200 /g) ?? [];
  await waitUntil("the server has logged its answers", () => lines().length >= expected, 2000).catch(() => {});
  return lines().length;
}

function resultProblems(requests: ReceivedRequest[], stdout: string): string[] {
  const answered = requests.findIndex(({ body }) => body && toolResult(body) !== undefined);
  if (answered === -1) return ["No result of the tool reached the model."];
  const result = toolResult(requests[answered]!.body!)!;
  const sessions = requests.map(sessionOf);
  return [
    sessions.indexOf(sessions[answered]!) < answered
      ? []
      : "The result went to another process than the call came from.",
    squeezed(stdout).includes(squeezed(finalText(result))) ? [] : "The answer was not printed.",
  ].flat();
}

/** Terminals wrap lines. */
const squeezed = (all: string) => all.replace(/\s+/g, " ").trim();
