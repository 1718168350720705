/**
 * A whole session of an agent: the simulated API, our server with the real CLI before it or nothing, and a tap at which
 * the agent talks to whichever of them it is.
 */

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Scenario, startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary } from "../harness/claude.ts";
import { type Ocp, startOcp, type Target } from "../harness/ocp.ts";
import { isAsking, startTap } from "../harness/tap.ts";
import { createTemp } from "../harness/temp.ts";
import { type Disturbance, disturb, disturbances } from "./disturbances.ts";
import { createModel, processHeader } from "./model.ts";
import { hasTools, type Report, reportOf } from "./report.ts";
import { withRivals } from "./rivals.ts";

export type Route = "direct" | "ocp";

export interface SessionOptions {
  route: Route;
  /** What the model says to a request. Thinking in it is signed, or goes where the request turns thinking off. */
  script: Scenario;
  /** What happens to the server before every fifth request of the agent that offers tools. */
  disturbance?: Disturbance;
  /** Of our server: the built binary if nothing is said. */
  target?: Target;
  /** Added to the environment of our server. */
  env?: Record<string, string>;
  /** The CLI below our server; the newest of the dev dependencies if nothing is said. */
  claude?: string;
  /** The API refuses thinking behind another prefix; if not, it is only counted. */
  refuses?: boolean;
}

export interface Session extends AsyncDisposable {
  /** What the agent takes for its server, without a path. */
  url: string;
  /** Forgets what was asked so far. */
  reset(): void;
  report(): Report;
}

const every = 5;

export async function startSession(options: SessionOptions): Promise<Session> {
  const { route, disturbance = "none", target = "binary", claude = claudeBinary() } = options;
  const stack = new AsyncDisposableStack();
  const model = createModel(options.script, { refuses: options.refuses === true });
  const simulator = stack.use(startSimulator({ scenario: withRivals(model.scenario) }));
  const temp = stack.use(await createTemp());
  const start = () =>
    startOcp({
      target,
      simulator,
      temp,
      env: {
        // As a user has it.
        OCP_SPARES: undefined,
        OCP_LIVE_MAX: undefined,
        OCP_REPEAT_LIMIT: undefined,
        CLAUDE_BIN: markedClaude(temp.path, claude),
        ...disturbances[disturbance].env,
        ...options.env,
      },
    });
  let ocp: Ocp | null = route === "ocp" ? await start() : null;
  stack.defer(() => ocp?.[Symbol.asyncDispose]());

  let asked = 0;
  let interruptions = 0;
  const tap = stack.use(
    startTap(ocp?.url ?? simulator.url, {
      async before(request) {
        if (!isAsking(request) || !hasTools(request)) return;
        if (!ocp || disturbance === "none" || ++asked % every !== 0) return;
        await tap.idle();
        ocp = await disturb(disturbance, ocp, start, options.env?.PROXY_API_KEY ?? null);
        tap.pointTo(ocp.url);
        tap.nextEpoch();
        interruptions++;
      },
    }),
  );

  return {
    url: tap.url,
    reset() {
      model.reset();
      tap.reset();
      asked = 0;
      interruptions = 0;
    },
    report: () => reportOf(model, tap.requests, interruptions, ocp?.stderr() ?? ""),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The CLI, which says with each request which process of it sent it. Returns the path for CLAUDE_BIN. */
function markedClaude(directory: string, claude: string): string {
  const bin = join(directory, "marked-claude");
  // The shell becomes the CLI, so that the pid is the CLI's.
  const script = `#!/bin/sh\nexport ANTHROPIC_CUSTOM_HEADERS="${processHeader}: $$"\nexec '${claude}' "$@"\n`;
  writeFileSync(bin, script);
  chmodSync(bin, 0o755);
  return bin;
}
