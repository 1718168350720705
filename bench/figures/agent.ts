/** A loop of Claude Code with its own tools: what it costs the plan, and when answers begin, with our server and without. */

import { claudeCodeSession } from "../../test/agents/claude-code.ts";
import type { Report } from "../../test/agents/report.ts";
import type { Figure } from "../figure.ts";
import { settle } from "../proc.ts";

const model = "claude-sonnet-5-5";

export const agent: Figure = async ({ quick }) => {
  const steps = quick ? 10 : 30;
  const session = async (route: "direct" | "ocp") => {
    await settle();
    return claudeCodeSession({ model, steps, route });
  };
  const [ours, direct] = [await session("ocp"), await session("direct")];

  const title = `An agent's loop of ${steps} steps`;
  const rows = (pick: (report: Report) => number[]) => [
    { by: "ocp", samples: pick(ours) },
    { by: "Claude Code directly", samples: pick(direct) },
  ];
  return [
    {
      title: `${title}: cost, by the price of an input token`,
      unit: "tokens",
      goal: "1.05 times directly",
      rows: rows(({ cost }) => [cost]),
    },
    { title: `${title}: first token`, unit: "ms", rows: rows(({ firstTokens }) => firstTokens) },
    { title: `${title}: requests upstream`, unit: "requests", rows: rows(({ upstream }) => [upstream]) },
    {
      title: `${title}: requests with thinking that the API refuses`,
      unit: "requests",
      goal: "0",
      rows: rows(({ refused }) => [refused.length]),
    },
    {
      title: `${title}: processes of the CLI`,
      unit: "processes",
      goal: "one for each conversation",
      rows: [
        { by: "ocp", samples: [ours.processes] },
        { by: "conversations of Claude Code", samples: [ours.conversations] },
      ],
    },
  ];
};
