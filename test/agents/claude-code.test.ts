/**
 * Whole sessions of the real Claude Code, once directly at the simulated API and once through our server: what is between
 * must cost the plan nothing. One of them alone, for one: `bun test test/agents/claude-code.test.ts -t "opus-5-5, the server killed"`.
 */

import { expect, test } from "bun:test";
import { claudeBinary, cliVersions } from "../harness/claude.ts";
import { type ClaudeCodeOptions, claudeCodeSession } from "./claude-code.ts";
import { type Disturbance, disturbances } from "./disturbances.ts";
import { problemsBeside } from "./judge.ts";
import type { Report } from "./report.ts";

const steps = 30;
const longestMs = 600_000;

/** The direct session of a model is the same whatever happens to the server. */
const directly = new Map<string, Promise<Report>>();

async function compare(options: Omit<ClaudeCodeOptions, "route" | "steps">, disturbance: Disturbance) {
  const { model, whole = false } = options;
  const name = `${model} ${whole}`;
  const begun = directly.get(name) ?? claudeCodeSession({ ...options, steps, route: "direct" });
  directly.set(name, begun);
  const direct = await begun;
  const ours = await claudeCodeSession({ ...options, steps, route: "ocp", disturbance });
  expect({ problems: problemsBeside(direct, ours, disturbance), said: ours.said }).toEqual({
    problems: [],
    said: expect.any(String),
  });
}

const models = ["claude-sonnet-5-5", "claude-opus-5-5", "claude-sonnet-4-6"];
const cases = models.flatMap((model) =>
  (Object.keys(disturbances) as Disturbance[]).map((disturbance) => ({
    title: model + disturbances[disturbance].title,
    model,
    disturbance,
  })),
);

test.each(cases)(
  `${steps} steps with two sub-agents, a compaction and a resume cost what they cost directly: $title`,
  ({ model, disturbance }) => compare({ model, whole: true }, disturbance),
  longestMs,
);

test.each(cliVersions.filter((version) => version !== "newest"))(
  `a loop of ${steps} steps costs what it costs directly with the %s CLI below the server`,
  (version) => compare({ model: "claude-sonnet-4-6", claude: claudeBinary(version) }, "none"),
  longestMs,
);

test(
  `a loop of ${steps} steps costs what it costs directly where the API refuses thinking behind another prefix`,
  () => compare({ model: "claude-sonnet-5-5", refuses: true }, "none"),
  longestMs,
);
