/** OpenClaw's real gateway with the plugin `/ocp` in it, asked as a client of its owner asks it. */

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { testEnv } from "../harness/env.ts";
import { ocpCommand, startOcp, type Target } from "../harness/ocp.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import type { AgentRun } from "./agent-run.ts";

const token = "gateway-token";
const startTime = 60_000;

/** `program`: path of `openclaw`. */
export async function runGateway(program: string, target: Target): Promise<AgentRun> {
  await using temp = await createTemp();
  await using simulator = startSimulator();
  await using ocp = await startOcp({ target, simulator, env: { CLAUDE_AUTH_MODE: "multi", OCP_ADMIN_KEY: adminKey } });
  await mkdir(join(temp.home, ".openclaw"));
  const env = testEnv(temp.home, {
    NODE_ENV: undefined,
    PATH: `${dirname(program)}:${process.env.PATH}`,
    CLAUDE_PROXY_PORT: new URL(ocp.url).port,
    OCP_ADMIN_KEY: adminKey,
  });
  const begun = performance.now();
  const install = Bun.spawn([...ocpCommand(target), "openclaw", "plugin", "install"], {
    env: { ...env, NODE_ENV: "test" },
    stdout: "ignore",
    stderr: "ignore",
  });
  const installed = await install.exited;
  const port = freePort();
  const args = ["gateway", "run", "--allow-unconfigured", "--port", String(port), "--bind", "loopback"];
  const gateway = Bun.spawn([program, ...args, "--auth", "token", "--token", token], {
    env,
    cwd: temp.path,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let said = "";
  for (const stream of [gateway.stdout, gateway.stderr]) void stream.text().then((text) => (said += text));
  const problems: string[] = installed === 0 ? [] : ["The plugin could not be installed."];
  try {
    // It listens before it is ready, and says so to whoever comes too early.
    await waitUntil("the gateway is ready", () => isReady(port), startTime);
    const owner = await connect(port, ["operator.admin", "operator.read", "operator.write"]);
    const status = await owner.say("/ocp status");
    if (!/^OCP \d+\.\d+\.\d+: ok/.test(status)) problems.push(`/ocp status says: ${status}`);
    const created = await owner.say("/ocp keys add fritz");
    if (!/^ocp_[\w-]{20,}$/m.test(created)) problems.push(`/ocp keys add says: ${created}`);
    const listed = await owner.say("/ocp keys");
    if (!/^\d+ {2}fritz /m.test(listed)) problems.push(`/ocp keys says: ${listed}`);
    const revoked = await owner.say("/ocp keys revoke fritz");
    if (!revoked.includes("revoked")) problems.push(`/ocp keys revoke says: ${revoked}`);
    for (const page of ["usage", "models", "health"]) {
      const text = await owner.say(`/ocp ${page}`);
      if (text === "" || text.startsWith("OCP: ")) problems.push(`/ocp ${page} says: ${text}`);
    }
    owner.close();
    const guest = await connect(port, ["operator.read", "operator.write"]);
    const refused = await guest.say("/ocp keys add guest");
    if (refused.includes("ocp_")) problems.push("Whoever is not the owner gets a key.");
    guest.close();
  } catch (error) {
    problems.push((error as Error).message);
  } finally {
    gateway.kill("SIGKILL");
    await gateway.exited;
    for (const { pid } of processesAtHome(temp.home)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }
  return {
    problems,
    requests: simulator.requests.length,
    ms: Math.round(performance.now() - begun),
    said: said.slice(-4000),
  };
}

const adminKey = "ocp_admin_for_the_gateway";

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  return port as number;
}

async function isReady(port: number): Promise<boolean> {
  return connect(port, ["operator.read"]).then(
    (client) => {
      client.close();
      return true;
    },
    () => false,
  );
}

/** Source: docs.openclaw.ai/gateway/protocol/handshake and /gateway/protocol/auth, version 4. */
async function connect(port: number, scopes: string[]) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const waiting = new Map<string, (frame: Frame) => void>();
  const heard: Array<(text: string) => boolean> = [];
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.type === "res") waiting.get(frame.id ?? "")?.(frame);
    if (frame.event === "chat" && frame.payload?.state === "final") {
      const text = (frame.payload.message?.content ?? []).map((each) => each.text ?? "").join("");
      const at = heard.findIndex((take) => take(text));
      if (at !== -1) heard.splice(at, 1);
    }
  });
  const ask = (method: string, params: object) =>
    new Promise<Frame>((resolve, reject) => {
      const id = crypto.randomUUID();
      const timer = setTimeout(() => reject(new Error(`The gateway does not answer ${method}.`)), 20_000);
      waiting.set(id, (frame) => {
        clearTimeout(timer);
        if (frame.ok) resolve(frame);
        else reject(new Error(`The gateway refused ${method}: ${JSON.stringify(frame.error)}`));
      });
      socket.send(JSON.stringify({ type: "req", id, method, params }));
    });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("The gateway takes no connection.")));
  });
  await ask("connect", {
    minProtocol: 4,
    maxProtocol: 4,
    client: { id: "gateway-client", version: "1.0.0", platform: "linux", mode: "backend" },
    role: "operator",
    scopes,
    auth: { token },
  });
  return {
    async say(message: string): Promise<string> {
      const answer = new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`Nobody answers ${message}.`)), 20_000);
        heard.push((text) => {
          clearTimeout(timer);
          resolve(text);
          return true;
        });
      });
      await ask("chat.send", { sessionKey: "main", message, idempotencyKey: crypto.randomUUID() });
      return answer;
    },
    close: () => socket.close(),
  };
}

interface Frame {
  type: string;
  id?: string;
  ok?: boolean;
  event?: string;
  error?: unknown;
  payload?: { state?: string; message?: { content?: Array<{ text?: string }> } };
}
