/** `ocp version`: the version alone, or as JSON with what it runs on. */

import { build } from "../config/build.ts";
import { exitCodes, type Host, write } from "./output.ts";

export const { version } = build;

export async function printVersion(json: boolean, host: Host): Promise<number> {
  const details = { version, bun: Bun.version, platform: process.platform, arch: process.arch };
  await write(host, host.stdout, json ? `${JSON.stringify(details, null, 2)}\n` : `${version}\n`);
  return exitCodes.ok;
}
