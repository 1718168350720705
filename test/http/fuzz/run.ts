/** One run of the fuzzer: a server of its own with a quick CLI, so that what is right after all costs little. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ocp, startOcp, type Target } from "../../harness/ocp.ts";
import { type Figures, startProbe } from "../../harness/probe.ts";
import { createQuickCli } from "../../harness/quick-cli.ts";
import { createTemp } from "../../harness/temp.ts";
import { type FuzzReport, fuzz } from "./fuzz.ts";
import { subject } from "./schemas.ts";

export interface FuzzRun {
  target: Target;
  count: number;
  seed: number;
  growth: number;
  onProgress?: (done: number) => void;
}

export interface ProbedFuzzRun extends FuzzRun {
  /** How long requests are sent, ms. */
  duration: number;
}

export interface ProbedFuzzReport extends FuzzReport {
  /** How another key was served meanwhile: its list of models, and its answers of the model. */
  models: Figures;
  chat: Figures;
}

/** The report; that the server has noted a defect, or answers no more, is a problem too. */
export async function runFuzz({ target, ...run }: FuzzRun): Promise<FuzzReport> {
  await using temp = await createTemp();
  await using ocp = await startOcp({ target, env: { CLAUDE_BIN: quickCli(temp.path) } });
  return await attack(ocp, run);
}

/** The same by one key of several for `duration` ms, while another key asks too. */
export async function runProbedFuzz({ target, duration, ...run }: ProbedFuzzRun): Promise<ProbedFuzzReport> {
  await using temp = await createTemp();
  const env = { CLAUDE_BIN: quickCli(temp.path), CLAUDE_AUTH_MODE: "multi" };
  await using ocp = await startOcp({ target, env });
  const [attacker, bystander] = [await createKey(ocp, "attacker"), await createKey(ocp, "bystander")];
  await using models = startProbe(ocp, { key: bystander });
  const body = { model: "sonnet", messages: [{ role: "user", content: "Hello" }] };
  await using chat = startProbe(ocp, { key: bystander, path: "/v1/chat/completions", body, pauseMs: 200 });
  await Promise.all([models.answers(20), chat.answers(2)]);
  await Promise.all([models.lap(), chat.lap()]);
  const report = await attack(ocp, { ...run, key: attacker, duration });
  const [modelFigures, chatFigures] = [await models.lap(), await chat.lap()];
  const failures = [...modelFigures.failures, ...chatFigures.failures].map((failure) => `another key got ${failure}`);
  return { ...report, problems: [...report.problems, ...failures], models: modelFigures, chat: chatFigures };
}

async function attack(
  ocp: Ocp,
  run: Omit<FuzzRun, "target"> & { key?: string; duration?: number },
): Promise<FuzzReport> {
  const report = await fuzz({ ...run, port: Number(new URL(ocp.url).port), pid: ocp.pid });
  const defects = ocp.stderr().match(/^.*internal error.*$/gm) ?? [];
  const { status } = await fetch(`${ocp.url}/v1/models`);
  const problems = [...report.problems, ...defects, ...(status === 200 ? [] : [`afterwards it answers ${status}`])];
  return { ...report, problems };
}

/** It answers with JSON that the hostile schemas are about. */
function quickCli(directory: string): string {
  return createQuickCli(directory, "0", [`{"a":"${subject}`, '"}']);
}

async function createKey({ url, home }: Ocp, name: string): Promise<string> {
  const admin = readFileSync(join(home, ".ocp", "admin-key"), "utf8").trim();
  const response = await fetch(`${url}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${admin}` },
    body: JSON.stringify({ name }),
  });
  const { key } = (await response.json()) as { key?: string };
  if (typeof key !== "string") throw new Error(`No key was made: ${response.status}`);
  return key;
}
