/** Whether a server is the one that runs from this home. */

import { existsSync } from "node:fs";
import type { NetworkInterfaceInfo } from "node:os";
import { join } from "node:path";
import { isLoopback } from "../../core/address.ts";

/** A server on this machine under another user, or behind a tunnel, has its database elsewhere. */
export function isHere(
  url: string,
  home: string,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const own = Object.values(interfaces).flatMap((infos = []) => infos.map(({ address }) => address));
  return (isLoopback(host) || own.includes(host)) && existsSync(join(home, ".ocp", "ocp.db"));
}
