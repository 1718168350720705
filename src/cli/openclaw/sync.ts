/** `ocp openclaw sync`: OpenClaw's configuration and the server's catalogue in step. */

import modelsFile from "../../../models.json";
import type { Environment } from "../../config/load.ts";
import { resolvePaths } from "../../config/paths.ts";
import { readServiceEnv } from "../../config/service-env.ts";
import { createCatalog } from "../../core/catalog.ts";
import { findDrift, type SyncOptions, syncOpenClaw } from "../../openclaw/sync.ts";
import { exitCodes, type Host, write } from "../output.ts";
import { urlOf } from "../remote.ts";

export async function sync(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const options = syncOptions(host.env, typeof args.key === "string" ? args.key : undefined);
  const dry = args["dry-run"] === true;
  const { drift, backup } = dry ? { drift: findDrift(options), backup: null } : syncOpenClaw(options);
  const changes = drift?.changes ?? [];
  const outcome = { file: drift?.file ?? null, changes, changed: backup !== null, backup };
  if (args.json === true) await write(host, host.stdout, `${JSON.stringify(outcome, null, 2)}\n`);
  else if (args.quiet !== true || changes.length > 0) await write(host, host.stdout, page(outcome, dry));
  return exitCodes.ok;
}

/** What the server on this machine is, for OpenClaw. `key` wins over what the settings say. */
export function syncOptions(env: Environment, key?: string): SyncOptions {
  const paths = resolvePaths(env);
  const settings = { ...env, ...readServiceEnv(paths.serviceEnv) };
  const { models, aliases } = createCatalog(modelsFile);
  // Older names are for requests, not for lists.
  const current = new Map([...aliases].filter(([alias]) => Object.hasOwn(modelsFile.aliases, alias)));
  return {
    home: paths.home,
    models,
    aliases: current,
    url: urlOf(settings),
    apiKey: key ?? keyOf(settings),
    now: Date.now(),
  };
}

/** A server that asks for no key takes any, and OpenClaw sends none that is empty. Each person's key is for them to give. */
function keyOf({ CLAUDE_AUTH_MODE: mode, PROXY_API_KEY: shared }: Environment): string | null {
  if (mode === "multi") return null;
  return shared || (mode === "shared" ? null : "none");
}

function page(
  { file, changes, backup }: { file: string | null; changes: string[]; backup: string | null },
  dry: boolean,
): string {
  if (file === null) return "OpenClaw is not on this machine.\n";
  if (changes.length === 0)
    return "OpenClaw is in step, or has no provider for this server and no key for one: --key KEY makes it.\n";
  const end = dry ? "Nothing was written." : `Wrote ${file}; as it was it is in ${backup}.`;
  return [...changes, end, ""].join("\n");
}
