/** What may be shown of the settings that somebody set, and what may never be. */

import type { Kind, Value } from "./kinds.ts";
import type { LoadedSettings } from "./load.ts";
import { type Config, type Setting, settings } from "./settings.ts";

const table = settings as readonly Setting[];
const hidden: ReadonlySet<Kind["kind"]> = new Set<Kind["kind"]>(["secret", "text"]);

/** What was set at the start, by variable; of secrets and of a user's own words only that they are set. */
export function shownSettings({ config, given }: LoadedSettings): Record<string, Value | undefined> {
  const set = table.filter(({ name }) => given.has(name));
  return Object.fromEntries(
    set.map(({ name, env, type }) => [env, hidden.has(type.kind) ? "set" : config[name as keyof Config]]),
  ) as Record<string, Value | undefined>;
}

/** The variables whose values are secrets. */
export const secretVariables: readonly string[] = table
  .filter(({ type }) => type.kind === "secret")
  .map(({ env }) => env);

/** The secrets among the values. */
export function secretsIn(config: Config): string[] {
  const secrets = table.filter(({ type }) => type.kind === "secret").map(({ name }) => config[name as keyof Config]);
  return secrets.filter((value): value is string => typeof value === "string");
}
