/** `ocp keys add`. */

import type { Host } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { secret } from "../shapes.ts";
import { type Args, expiryOf, limitsOf } from "./fields.ts";
import { printSecret, type Secret } from "./secret.ts";

export async function addKey(args: Args, host: Host, now: () => number = Date.now): Promise<number> {
  const expiresAt = typeof args.expires === "string" ? expiryOf("--expires", args.expires, now()) : null;
  const body = { name: args.name, expiresAt, ...limitsOf(args) };
  const created = await connectRemote(args, host).request<Secret>("POST", "/api/keys", secret, body);
  return printSecret(created, `The key ${created.name} was created.`, args, host);
}
