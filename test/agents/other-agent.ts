/**
 * A whole session of an agent that only speaks to our server: `bun test/agents/other-agent.ts NAME STEPS DISTURBANCE` prints
 * its report as JSON. It is a program so that it can run where there is no network but loopback.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { blocksOf, type MessagesBody } from "../../src/demo/request.ts";
import type { Scenario } from "../../src/demo/simulator.ts";
import { endAllAtHome, homeOf } from "../clients/agent-run.ts";
import { type Agent, agents } from "../clients/agents.ts";
import { programOf } from "../clients/installed.ts";
import { createTemp } from "../harness/temp.ts";
import { type Disturbance, disturbances } from "./disturbances.ts";
import type { Report } from "./report.ts";
import { startSession } from "./session.ts";

const key = "ocp_sessions_0123456789";
const model = "claude-sonnet-4-6";
const deadlineMs = 240_000;
const finalText = "All files are written.";

/** Rejects when the agent fails: what it did not do cannot be judged. */
export async function otherSession(agent: Agent, steps: number, disturbance: Disturbance): Promise<Report> {
  await using temp = await createTemp();
  const directory = join(temp.path, "project");
  await mkdir(directory);
  const env = { CLAUDE_AUTH_MODE: "shared", PROXY_API_KEY: key };
  const script = writesFiles(agent, directory, steps);
  await using session = await startSession({ route: "ocp", script, disturbance, env });
  const program = programOf(agent);
  const home = homeOf(temp, directory, [program], deadlineMs);

  const connected = await home.ocp("binary", ["connect", session.url.replace("http://", ""), "--key", key]);
  if (connected.code !== 0) throw new Error(`${agent.name} could not be connected: ${connected.stderr}`);
  session.reset();
  const { code, signal, stdout, stderr } = await home.run(
    [program, ...agent.args("Write the files.", model)],
    agent.env,
  );
  await endAllAtHome(temp.home);
  const report = session.report();
  if (code === 0 && stdout.includes(finalText)) return report;
  throw new Error(`${agent.name} ended with ${signal ?? code}: ${stdout.slice(-2000)}\n${stderr}\n${report.said}`);
}

/** The model's part: a file in each step, by the agent's own tool, and a word at the end. */
function writesFiles(agent: Agent, directory: string, steps: number): Scenario {
  return ({ body, path }) => {
    if (!body || path !== "/v1/messages") return undefined;
    const step = resultsIn(body) + 1;
    if (step > steps) return { blocks: [finalText] };
    const offered = ((body.tools ?? []) as Array<{ name: string }>).map(({ name }) => name);
    const text = `# File ${step}\n\n${"It holds some lines of text.\n".repeat(40)}`;
    const call = agent.writing(offered, join(directory, `file${step}.md`), text);
    if (!call) return { blocks: ["A title"] };
    const thinking = { type: "thinking" as const, thinking: "Let me see which file is next." };
    return { blocks: [thinking, `File ${step} is next.`, { type: "tool_use", ...call }] };
  };
}

function resultsIn({ messages }: MessagesBody): number {
  return messages.flatMap(({ content }) => blocksOf(content)).filter(({ type }) => type === "tool_result").length;
}

if (import.meta.main) {
  const [name, steps, disturbance = "none"] = process.argv.slice(2);
  const agent = agents.find((one) => one.name === name);
  if (!agent || !(disturbance in disturbances)) throw new Error(`There is no agent ${name}, or no ${disturbance}.`);
  process.stdout.write(JSON.stringify(await otherSession(agent, Number(steps), disturbance as Disturbance)));
  process.exit(0);
}
