/**
 * Whole sessions of the agents that speak OpenAI's dialects, in a network of their own. No more may be written to the
 * vendor's cache than their own prompts have to write. `bun run clients` installs the agents. One session alone, for one:
 * `bun test test/agents/others.test.ts -t "codex, the server killed"`.
 */

import { expect } from "bun:test";
import { join } from "node:path";
import { runInNamespace } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { type Disturbance, disturbances } from "./disturbances.ts";
import { problemsAlone } from "./judge.ts";
import type { Report } from "./report.ts";

const steps = 20;
const longestMs = 300_000;
const program = join(import.meta.dir, "other-agent.ts");
const names = ["opencode", "codex", "continue", "cline", "kilo", "openclaw"] as const;

for (const name of names) {
  for (const disturbance of Object.keys(disturbances) as Disturbance[]) {
    needs("network namespaces", "ip", name).test(
      `${steps} steps write to the cache no more than the prompts of the agent have to: ${name}${disturbances[disturbance].title}`,
      async () => {
        const { PATH = "", HOME = "" } = process.env;
        const argv = [process.execPath, program, name, String(steps), disturbance];
        const ours: Report = JSON.parse(await runInNamespace(argv, { PATH, HOME, LANG: "C.UTF-8" }, longestMs));
        expect({ problems: problemsAlone(ours, disturbance), said: ours.said }).toEqual({
          problems: [],
          said: expect.any(String),
        });
      },
      longestMs + 10_000,
    );
  }
}
