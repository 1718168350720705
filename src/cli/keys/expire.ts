/** `ocp keys expire`. */

import { exitCodes, type Host, write } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { changedKey } from "../shapes.ts";
import { type Args, expiryOf, pathOf } from "./fields.ts";

export async function expireKey(args: Args, host: Host, now: () => number = Date.now): Promise<number> {
  const expiresAt = expiryOf("The time", String(args.when), now());
  const path = pathOf(args);
  const changed = await connectRemote(args, host).request<{ key: { expires_at: string | null } }>(
    "PATCH",
    path,
    changedKey,
    {
      expiresAt,
    },
  );
  if (args.json === true) await write(host, host.stdout, `${JSON.stringify(changed, null, 2)}\n`);
  const until = changed.key.expires_at;
  await write(host, host.stderr, `The key ${args.name} ${until === null ? "never ends" : `ends at ${until}`}.\n`);
  return exitCodes.ok;
}
