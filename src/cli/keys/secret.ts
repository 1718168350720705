/** Prints a key's secret: alone on stdout, so that a script can take it, and the talk on stderr. */

import { exitCodes, type Host, write } from "../output.ts";
import type { Args } from "./fields.ts";

export interface Secret {
  id: number;
  key: string;
  name: string;
}

export async function printSecret(secret: Secret, what: string, args: Args, host: Host): Promise<number> {
  await write(host, host.stderr, `${what} This is its secret, which is shown this once:\n`);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(secret, null, 2)}\n` : `${secret.key}\n`);
  return exitCodes.ok;
}
