/** The servers that the tests of settings share: one with a scripted CLI, one with the real CLI and the simulated API. */

import { createServer } from "node:net";
import type { SettingState } from "../../../src/config/live.ts";
import { type Simulator, startSimulator } from "../../../src/demo/simulator.ts";
import { createFakeCli, ending, type FakeCli, messageStart, text, textStart } from "../../harness/fake-cli.ts";
import { type Ocp, type OcpOptions, startOcp, type Target } from "../../harness/ocp.ts";
import { createTemp, type Temp } from "../../harness/temp.ts";

/** Shows, through the front door, that one setting does what its description says. */
export type Effect = (bench: Bench) => Promise<void>;

export interface Bench extends AsyncDisposable {
  target: Target;
  /** Every setting that may change is at its default, but that no process is kept and repeats are free. */
  fake(): Promise<FakeServer>;
  real(): Promise<RealServer>;
  /** Another one, ended with the bench. */
  start(options: Omit<OcpOptions, "target">): Promise<Ocp>;
  temp: Temp;
}

export interface FakeServer extends Served {
  cli: FakeCli;
}

export interface RealServer extends Served {
  simulator: Simulator;
}

export interface Served {
  ocp: Ocp;
  set(changes: Record<string, unknown>): Promise<void>;
  get(): Promise<Record<string, SettingState>>;
  health(): Promise<any>;
}

/** What a message is answered with by default, and what never ends. */
export const answer = [messageStart, textStart, text("Hello world"), ...ending];
export const silence: unknown[] = [];

const quiet = { spares: 0, liveMax: 0, repeatLimit: 0 };
const unset = { OCP_SPARES: undefined, OCP_LIVE_MAX: undefined, OCP_REPEAT_LIMIT: undefined };

export async function createBench(target: Target): Promise<Bench> {
  const temp = await createTemp();
  const opened: AsyncDisposable[] = [temp];
  const start = async (options: Omit<OcpOptions, "target">) => {
    const ocp = await startOcp({ ...options, target });
    opened.unshift(ocp);
    return ocp;
  };
  let fake: FakeServer | null = null;
  let real: RealServer | null = null;

  return {
    target,
    temp,
    start,
    async fake() {
      if (!fake) {
        const cli = createFakeCli(temp.path);
        fake = { cli, ...served(await start({ env: { ...unset, CLAUDE_BIN: cli.bin } })) };
      }
      fake.cli.says(answer);
      const changed = Object.entries(await fake.get()).filter(([, { source }]) => source === "stored");
      await fake.set({ ...Object.fromEntries(changed.map(([key]) => [key, null])), ...quiet });
      return fake;
    },
    async real() {
      if (!real) {
        const simulator = startSimulator();
        opened.push({ [Symbol.asyncDispose]: simulator.stop });
        const token = "sk-ant-oat01-of-the-settings";
        real = { simulator, ...served(await start({ simulator, env: { CLAUDE_CODE_OAUTH_TOKEN: token } })) };
      }
      real.simulator.reset();
      return real;
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each[Symbol.asyncDispose]();
    },
  };
}

function served(ocp: Ocp): Served {
  return {
    ocp,
    async set(changes) {
      const response = await fetch(`${ocp.url}/settings`, { method: "PATCH", body: JSON.stringify(changes) });
      if (response.status !== 200) throw new Error(`${response.status}: ${(await response.text()).slice(0, 500)}`);
    },
    get: async () => (await (await fetch(`${ocp.url}/settings`)).json()) as Record<string, SettingState>,
    health: async () => (await fetch(`${ocp.url}/health`)).json(),
  };
}

/** A turn that is not answered until `leave`; resolves to its response's head. */
export function hang(ocp: Ocp, question: string) {
  const leaving = new AbortController();
  const body = JSON.stringify({ messages: [{ role: "user", content: question }], stream: true });
  const response = fetch(`${ocp.url}/v1/chat/completions`, { method: "POST", body, signal: leaving.signal });
  response.catch(() => {});
  return { response, leave: () => leaving.abort() };
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
