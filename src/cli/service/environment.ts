/** What the service's environment is to hold: what was asked for now, over what was kept before. */

import { existsSync } from "node:fs";
import { delimiter, isAbsolute } from "node:path";
import type { Environment } from "../../config/load.ts";
import { changeServiceEnv, parseServiceEnv } from "../../config/service-env.ts";
import { type Setting, settings } from "../../config/settings.ts";
import { flagsOf } from "../serve-args.ts";

/** Other programs' variables that the server and the CLI need as they are here. */
const carried = [
  "CLAUDE_CONFIG_DIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "TZ",
  "LANG",
];

export interface ServiceEnvironment {
  /** The new text of the file. */
  text: string;
  /** The names that it sets anew or otherwise than before. */
  changed: string[];
}

/**
 * Flags win over the environment of this command, both over what the file says (`existing`), and that over what an
 * older service had set (`inherited`). Throws OcpError invalid_request for a value that cannot be kept.
 */
export function serviceEnvironment(
  args: Readonly<Record<string, unknown>>,
  env: Environment,
  existing: string,
  inherited: Readonly<Record<string, string>>,
): ServiceEnvironment {
  const before = parseServiceEnv(existing);
  const flags = flagsOf(args);
  const wanted: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) if (before[name] === undefined) wanted[name] = value;
  const names = (settings as readonly Setting[]).map((setting) => setting.env);
  for (const name of [...names, ...carried]) if (env[name]) wanted[name] = env[name];
  for (const setting of settings as readonly Setting[]) {
    const flag = setting.flag === null ? undefined : flags[setting.flag];
    if (flag !== undefined) wanted[setting.env] = flag;
  }
  // A service of a test's must stay as careful as the test is.
  if (env.NODE_ENV === "test") wanted.NODE_ENV = env.NODE_ENV;
  wanted.PATH = servicePath(env.PATH);
  const changed = Object.keys(wanted).filter((name) => before[name] !== wanted[name]);
  return { text: changeServiceEnv(existing, wanted), changed };
}

/** The shell's PATH, where `claude` and what it runs on were found: a service's own has little in it. */
function servicePath(path = ""): string {
  const usable = (directory: string) =>
    isAbsolute(directory) && !/['"\\$`\p{Cc}]/u.test(directory) && existsSync(directory);
  const found = [...new Set(path.split(delimiter).filter(usable))];
  return (found.length > 0 ? found : ["/usr/local/bin", "/usr/bin", "/bin"]).join(delimiter);
}
