/** One update at a time; a lock whose holder has ended is nobody's. */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";

/** Returns how to give it back. Throws OcpError conflict while another update runs. */
export function lockUpdates(data: string, pid: number): () => void {
  const file = join(data, "update.lock");
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(file, `${pid}\n`, { flag: "wx", mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(readText(file)?.trim());
    if (holder !== pid && isAlive(holder))
      throw new OcpError("conflict", "Another `ocp update` is at work. Wait for it to end.");
    rmSync(file, { force: true });
  }
  throw new OcpError("conflict", "Another `ocp update` has just begun. Wait for it to end.");
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
