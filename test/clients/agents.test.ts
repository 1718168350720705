/** The agent that every run of the tests has at hand: the newest CLI as a client. The others: scripts/clients.ts. */

import { expect, test } from "bun:test";
import { claudeBinary } from "../harness/claude.ts";
import { targets } from "../harness/ocp.ts";
import { runAgent } from "./agent-run.ts";
import { claudeCode } from "./agents.ts";

test.each(targets())(
  "Claude Code writes a file with its own tool and says so (%s)",
  async (target) => {
    const { problems, said } = await runAgent(claudeCode, [claudeBinary()], target);
    expect({ problems, said }).toEqual({ problems: [], said: expect.any(String) });
  },
  90_000,
);
