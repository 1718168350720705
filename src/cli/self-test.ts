/**
 * `ocp self-test`: serves for a moment, on a port and in a home of its own, with this user's settings and a copy of
 * the database. `ocp update` asks a new version for it before it takes the old one's place.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolvePaths } from "../config/paths.ts";
import { readServiceEnv } from "../config/service-env.ts";
import { OcpError } from "../core/errors.ts";
import { copyDatabase } from "../update/snapshot.ts";
import { exitCodes, type Host, write } from "./output.ts";
import { awaitServer } from "./service/answering.ts";
import { version } from "./version.ts";

const patience = 60_000;

export async function selfTest(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const paths = resolvePaths(host.env);
  const home = mkdtempSync(join(tmpdir(), "ocp-self-test-"));
  try {
    mkdirSync(join(home, ".ocp"), { mode: 0o700 });
    const database = join(paths.data, "ocp.db");
    if (existsSync(database)) copyDatabase(database, join(home, ".ocp", "ocp.db"));
    const settings = readServiceEnv(paths.serviceEnv);
    const env = { ...host.env, ...settings, HOME: home, CLAUDE_PROXY_PORT: "0", CLAUDE_BIND: "127.0.0.1" };
    const url = await serveOnce([...program(host), "serve"], env, home);
    const text =
      args.json === true ? `${JSON.stringify({ ok: true, version }, null, 2)}\n` : `OCP ${version} serves (${url}).\n`;
    await write(host, host.stdout, text);
    return exitCodes.ok;
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** From the source, Bun runs a file. */
function program({ execPath }: Host): string[] {
  return Bun.main.startsWith("/$bunfs/") || Bun.main.startsWith("B:/") ? [execPath] : [execPath, Bun.main];
}

/** The URL at which it answered. Throws OcpError not_ready with what it said. The process is gone after it. */
async function serveOnce(argv: string[], env: Record<string, string | undefined>, cwd: string): Promise<string> {
  const child = Bun.spawn(argv, {
    env,
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: patience,
    killSignal: "SIGKILL",
  });
  const complaints = child.stderr.text();
  try {
    const line = await firstLine(child.stdout);
    if (line !== null && (await awaitServer(line, version, patience)) !== null) return line;
    child.kill("SIGKILL");
    throw new OcpError("not_ready", `It does not serve: ${(await complaints).trim().slice(-500) || "it said nothing"}`);
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}

/** Null when the stream ends before it. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return null;
}
