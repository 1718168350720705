/** One at a time of what writes to the same files; a lock whose holder has ended is nobody's. */

import { rmSync, writeFileSync } from "node:fs";
import { OcpError } from "../core/errors.ts";
import { isRunning } from "./running.ts";
import { readText } from "./whole-file.ts";

/**
 * Returns how to give it back. `file` is in a directory that exists; `what` names the command. Throws OcpError conflict
 * while another process has it.
 */
export function takeLock(file: string, what: string): () => void {
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(readText(file)?.trim());
    if (holder !== process.pid && isRunning(holder))
      throw new OcpError("conflict", `Another \`${what}\` is at work. Wait for it to end.`);
    rmSync(file, { force: true });
  }
  throw new OcpError("conflict", `Another \`${what}\` has just begun. Wait for it to end.`);
}
