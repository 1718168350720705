/** `ocp version`: the version alone, or as JSON with what it runs on. */

import { version } from "../../package.json";
import { exitCodes, type Host, write } from "./output.ts";

export { version };

export async function printVersion(json: boolean, host: Host): Promise<number> {
  const details = { version, bun: Bun.version, platform: process.platform, arch: process.arch };
  await write(host, host.stdout, json ? `${JSON.stringify(details, null, 2)}\n` : `${version}\n`);
  return exitCodes.ok;
}
