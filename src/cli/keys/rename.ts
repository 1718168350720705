/** `ocp keys rename`. */

import { exitCodes, type Host, write } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { type Args, pathOf } from "./fields.ts";

export async function renameKey(args: Args, host: Host): Promise<number> {
  const changed = await connectRemote(args, host).request<object>("PATCH", pathOf(args), null, { name: args.new });
  if (args.json === true) await write(host, host.stdout, `${JSON.stringify(changed, null, 2)}\n`);
  await write(host, host.stderr, `The key ${args.name} is now called ${args.new}.\n`);
  return exitCodes.ok;
}
