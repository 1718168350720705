/** `ocp openclaw plugin install` and `remove`. */

import { resolvePaths } from "../../config/paths.ts";
import { installPlugin, removePlugin } from "../../openclaw/plugin.ts";
import { exitCodes, type Host, usageError, write } from "../output.ts";
import { version } from "../version.ts";

export async function plugin(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { home } = resolvePaths(host.env);
  const { action } = args;
  if (action !== "install" && action !== "remove") {
    throw usageError(`\`ocp openclaw plugin\` takes install or remove, not ${JSON.stringify(action)}.`);
  }
  const now = Date.now();
  const { directory, done } = action === "install" ? await installPlugin(home, version, now) : removePlugin(home, now);
  const next = done.length === 0 ? [] : ["The gateway takes it up when it starts again: ocp restart gateway"];
  const text =
    done.length === 0 ? [action === "install" ? "It is installed." : "It is not installed."] : [...done, ...next];
  const outcome = { directory, changed: done.length > 0, done };
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(outcome, null, 2)}\n` : `${text.join("\n")}\n`);
  return exitCodes.ok;
}
