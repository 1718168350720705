/** Which clients a command is about. */

import type { Client } from "../../connect/client.ts";
import { clients } from "../../connect/clients/all.ts";
import { usageError } from "../output.ts";
import { didYouMean } from "../strict.ts";

export interface Choice {
  /** Null: those that are found. */
  only: ReadonlySet<string> | null;
  except: ReadonlySet<string>;
}

/** Reads `--only` and `--except`. Throws OcpError invalid_request for a name that is no client's. */
export function choiceOf(args: Readonly<Record<string, unknown>>): Choice {
  const only = namesIn(args.only);
  const except = new Set(namesIn(args.except));
  // citty takes `--no-shell` for the opposite of a flag named `shell`.
  if (args.shell === false) except.add("shell");
  return { only: only.length === 0 ? null : new Set(only), except };
}

export function isChosen({ only, except }: Choice, client: Pick<Client, "id">, isFound: boolean): boolean {
  return !except.has(client.id) && (only === null ? isFound : only.has(client.id));
}

function namesIn(value: unknown): string[] {
  if (typeof value !== "string") return [];
  const names = value.split(/[\s,]+/).filter((name) => name !== "");
  const known = clients.map(({ id }) => id);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw usageError(
    `There is no client ${JSON.stringify(unknown)}.${didYouMean(unknown, known)} There are ${known.join(", ")}.`,
  );
}
