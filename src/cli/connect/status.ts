/** `ocp connect --status`: what is configured, where it points, and whether that answers. */

import { resolvePaths } from "../../config/paths.ts";
import { clients } from "../../connect/clients/all.ts";
import { readNow } from "../../connect/file.ts";
import { configHome } from "../../connect/place.ts";
import { createRecords, hashOf, type WrittenFile } from "../../connect/record.ts";
import { findServer, servedModels } from "../../connect/server.ts";
import { columns, exitCodes, type Host, write } from "../output.ts";

interface FileState {
  client: string;
  path: string;
  url: string;
  /** `changed`: by the client or the user, which may be as it should be. */
  state: "as written" | "changed since" | "gone";
}

export async function status(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { home } = resolvePaths(host.env);
  const connection = createRecords(configHome(home, host.env)).read();
  const files = (connection?.files ?? []).map(stateOf);
  const urls = [...new Set(files.map(({ url }) => url))];
  const servers = await Promise.all(
    urls.map(async (url) => ({ url, problem: await problemOf(url, url === connection?.url ? connection.key : null) })),
  );
  const text = args.json === true ? `${JSON.stringify({ servers, files }, null, 2)}\n` : page(files, servers);
  await write(host, host.stdout, text);
  return servers.some(({ problem }) => problem !== null) ? exitCodes.failure : exitCodes.ok;
}

function stateOf({ client, path, url, hashes }: WrittenFile): FileState {
  const state = () => {
    try {
      const now = readNow(path);
      if (now === null) return "gone";
      return hashes[0] === hashOf(now.bytes) ? "as written" : "changed since";
    } catch {
      return "changed since";
    }
  };
  return { client, path, url, state: state() };
}

/** Null: it answers, and takes the key. */
async function problemOf(url: string, key: string | null): Promise<string | null> {
  try {
    const { authMode } = await findServer(url);
    const isOpen = authMode === "none" || key !== null;
    if (isOpen && (await servedModels(url, key, () => undefined)) === null)
      return `The server at ${url} does not know the key any more.`;
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function page(files: readonly FileState[], servers: ReadonlyArray<{ url: string; problem: string | null }>): string {
  if (files.length === 0) return "Nothing is connected here. To do it: ocp connect <host>\n";
  const nameOf = (id: string) => clients.find((client) => client.id === id)?.name ?? id;
  const rows = files.map(({ client, path, url, state }) => [nameOf(client), url, path, state]);
  const answers = servers.map(({ url, problem }) => problem ?? `${url} answers.`);
  return `${columns(rows)}\n${answers.map((line) => `${line}\n`).join("")}`;
}
