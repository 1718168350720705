/** `ocp disconnect`: what `ocp connect` wrote goes, and nothing that came after it. */

import { resolvePaths } from "../../config/paths.ts";
import { clients } from "../../connect/clients/all.ts";
import { configHome } from "../../connect/place.ts";
import { createRecords, type Records } from "../../connect/record.ts";
import { takeBack, type Undone, undone } from "../../connect/undo.ts";
import { createRun } from "../../service/command.ts";
import { columns, exitCodes, type Host, write } from "../output.ts";
import { type Choice, choiceOf, isChosen } from "./choice.ts";
import { diffLines } from "./diff.ts";

interface Result {
  client: string;
  path: string;
  outcome: Undone["how"] | "failed";
  why?: string;
  /** Where the file as it was before is kept, since it was changed after. */
  before?: string;
}

const words: Record<Result["outcome"], string> = {
  restored: "as it was before",
  "taken-out": "changed since, so only our entry went",
  gone: "held nothing of ours any more",
  failed: "FAILED",
};

export async function disconnect(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const choice = choiceOf(args);
  const { home } = resolvePaths(host.env);
  const records = createRecords(configHome(home, host.env));
  const dry = args["dry-run"] === true;
  const unlock = dry ? () => {} : records.lock();
  try {
    return await takeAllBack(records, choice, dry, args.json === true, host);
  } finally {
    unlock();
  }
}

async function takeAllBack(records: Records, choice: Choice, dry: boolean, json: boolean, host: Host): Promise<number> {
  const connection = records.read();
  const results: Result[] = [];
  const diffs: string[] = [];
  // The last one first, so that a directory is empty when the file that it was made for goes.
  const all = connection?.files.toReversed() ?? [];
  const files = all.filter(({ client }) => isChosen(choice, { id: client }, true));
  for (const file of files) {
    const { client, path } = file;
    try {
      const plan = undone(file);
      if (dry) {
        const lines = diffLines(
          path,
          plan.now?.text ?? "",
          plan.bytes?.toString("utf8") ?? "",
          [connection?.key ?? null],
          Infinity,
        );
        diffs.push(`${path}${plan.bytes === null ? " (goes)" : ""}`, ...lines.map((line) => `  ${line}`), "");
      } else if (connection) takeBack(plan, connection, records);
      const before = plan.how === "taken-out" && file.before !== null ? { before: file.before } : {};
      results.push({ client, path, outcome: plan.how, ...before });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === undefined ? `${path} ${message}, so it is left alone.` : `It cannot be written (${code}).`;
      results.push({ client, path, outcome: "failed", why });
    }
  }
  const isShell = isChosen(choice, { id: "shell" }, true);
  if (connection === null && !dry) records.remove();
  if (connection && !dry) {
    const run = createRun(host.env);
    if (isShell) for (const undo of connection.undo.splice(0)) await run(undo);
    if (connection.files.length === 0 && connection.undo.length === 0) records.remove();
    else records.write(connection);
  }
  const text = json ? `${JSON.stringify({ files: results }, null, 2)}\n` : page(results, diffs, dry, isShell);
  await write(host, host.stdout, text);
  return results.some(({ outcome }) => outcome === "failed") ? exitCodes.failure : exitCodes.ok;
}

function page(results: readonly Result[], diffs: readonly string[], dry: boolean, isShell: boolean): string {
  if (results.length === 0) return "Nothing is connected here.\n";
  const rows = results.map(({ client, path, outcome, why }) => [nameOf(client), path, why ?? words[outcome]]);
  const kept = results.flatMap(({ before, path }) => (before ? [`${path} as it was before: ${before}`] : []));
  const open = isShell && results.some(({ client }) => client === "shell");
  const end = dry ? ["Nothing was written."] : open ? ["A shell that is open keeps its variables until it ends."] : [];
  return `${[...diffs].map((line) => `${line}\n`).join("")}${columns(rows)}${[...kept, ...end].map((line) => `${line}\n`).join("")}`;
}

function nameOf(id: string): string {
  return clients.find((client) => client.id === id)?.name ?? id;
}
