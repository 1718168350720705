/** `ocp keys revoke`. */

import { exitCodes, type Host, write } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { type Args, pathOf } from "./fields.ts";

export async function revokeKey(args: Args, host: Host): Promise<number> {
  const revoked = await connectRemote(args, host).request<object>("DELETE", pathOf(args), null);
  if (args.json === true) await write(host, host.stdout, `${JSON.stringify(revoked, null, 2)}\n`);
  await write(host, host.stderr, `The key ${args.name} is revoked.\n`);
  return exitCodes.ok;
}
