/** The administrator's key: what OCP_ADMIN_KEY says, else a file that is made at the first start. */

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { OcpError } from "../core/errors.ts";
import { formOf, parseValue } from "./kinds.ts";
import type { Paths } from "./paths.ts";
import type { Config } from "./settings.ts";

export interface AdminKey {
  secret: string;
  /** Where it is kept; null when the environment gives it. */
  path: string | null;
}

/** Nobody writes a longer key by hand; a larger file is something else. */
const largest = 4_096;

type Secrets = Pick<Config, "adminKey" | "proxyApiKey" | "anonymousKey" | "metricsKey">;

/**
 * OCP_ADMIN_KEY wins and touches no file. The data directory exists. `random` gives so many random bytes.
 * Throws OcpError not_ready with a sentence when the file cannot be used, and invalid_request when the same text is a
 * key for somebody else too.
 */
export function loadAdminKey(
  { adminKey: path }: Pick<Paths, "adminKey">,
  secrets: Secrets,
  random: (bytes: number) => Buffer = randomBytes,
): AdminKey {
  const key = secrets.adminKey === undefined ? keyInFile(path, random) : { secret: secrets.adminKey, path: null };
  const others = {
    PROXY_API_KEY: secrets.proxyApiKey,
    PROXY_ANONYMOUS_KEY: secrets.anonymousKey,
    OCP_METRICS_KEY: secrets.metricsKey,
  };
  const names = Object.entries({ ...others, [key.path ?? "OCP_ADMIN_KEY"]: key.secret });
  for (const [name, secret] of names) {
    const twin = names.find(([other, text]) => other !== name && secret !== undefined && text === secret);
    if (twin) throw new OcpError("invalid_request", `${name} and ${twin[0]} are the same key. Each must be its own.`);
  }
  return key;
}

function keyInFile(path: string, random: (bytes: number) => Buffer): AdminKey {
  try {
    return { secret: read(path) ?? make(path, `ocp_admin_${random(24).toString("base64url")}`), path };
  } catch (cause) {
    if (cause instanceof OcpError) throw cause;
    throw unusable(path, `it cannot be read or made (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`, cause);
  }
}

/** Null when there is no such file. A file that others can read is narrowed to its owner. */
function read(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (!found.isFile() || found.size > largest) throw unusable(path, "it is no file of one line");
  if ((found.mode & 0o077) !== 0) chmodSync(path, 0o600);
  const text = readFileSync(path, "utf8").trim();
  if (text === "") throw unusable(path, "it is empty");
  try {
    return parseValue({ kind: "secret" }, text, path) as string;
  } catch (cause) {
    throw unusable(path, `it does not hold ${formOf({ kind: "secret" })}`, cause);
  }
}

/** Whole or not at all, and never over a file that another process has made meanwhile: that one's key is returned. */
function make(path: string, secret: string): string {
  const scratch = `${path}.${process.pid}.new`;
  rmSync(scratch, { force: true });
  const file = openSync(scratch, "wx", 0o600);
  try {
    writeSync(file, `${secret}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(scratch, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const winner = code === "EEXIST" ? read(path) : null;
    if (winner !== null) return winner;
    // A file system without hard links, such as a stick's.
    renameSync(scratch, path);
  } finally {
    rmSync(scratch, { force: true });
  }
  return secret;
}

function unusable(path: string, why: string, cause?: unknown): OcpError {
  const way = "Delete it and start again to get a new key, or set OCP_ADMIN_KEY.";
  return new OcpError("not_ready", `The admin key in ${path} cannot be used: ${why}. ${way}`, { cause });
}
