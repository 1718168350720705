/** `ocp keys rotate`. */

import type { Host } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { secret } from "../shapes.ts";
import { type Args, pathOf } from "./fields.ts";
import { printSecret, type Secret } from "./secret.ts";

export async function rotateKey(args: Args, host: Host): Promise<number> {
  const rotated = await connectRemote(args, host).request<Secret>("POST", pathOf(args, "/rotate"), secret);
  return printSecret(rotated, `The old secret of ${rotated.name} is void.`, args, host);
}
