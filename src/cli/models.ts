/** `ocp models`: what clients can ask for. */

import models from "../../models.json";
import { createCatalog } from "../core/catalog.ts";
import { columns, exitCodes, type Host, write } from "./output.ts";

export async function listModels(json: boolean, host: Host): Promise<number> {
  const catalog = createCatalog(models);
  const rows = catalog.models.map(({ id, displayName, contextWindow, maxTokens }) => ({
    id,
    name: displayName,
    contextWindow,
    maxTokens,
    aliases: [...catalog.aliases].filter(([, target]) => target === id).map(([alias]) => alias),
  }));
  await write(host, host.stdout, json ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
  return exitCodes.ok;
}

interface Row {
  id: string;
  name: string;
  /** Tokens. */
  contextWindow: number;
  /** Tokens. */
  maxTokens: number;
  aliases: string[];
}

function table(rows: readonly Row[]): string {
  return columns([
    ["ID", "NAME", "CONTEXT", "OUTPUT", "ALIASES"],
    ...rows.map((row) => [
      row.id,
      row.name,
      String(row.contextWindow),
      String(row.maxTokens),
      row.aliases.join(", ") || "-",
    ]),
  ]);
}
