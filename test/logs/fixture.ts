/** A log in a temporary directory, and what it wrote. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogLevel } from "../../src/core/logs.ts";
import { createLog } from "../../src/logs/log.ts";
import { createLogReader } from "../../src/logs/reader.ts";
import { createTemp } from "../harness/temp.ts";

export interface Limits {
  level: LogLevel;
  maxBytes: number;
  keep: number;
}

export async function openLog(changed: Partial<Limits> = {}, secrets: string[] = []) {
  const temp = await createTemp();
  const directory = join(temp.path, "logs");
  const limits: Limits = { level: "info", maxBytes: 1_000_000, keep: 3, ...changed };
  const said: string[] = [];
  const clock = { now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
  const log = createLog({
    directory,
    limits: () => limits,
    secrets,
    stderr: (line) => said.push(line),
    now: () => clock.now,
  });
  const current = join(directory, "ocp.log");
  return {
    log,
    reader: createLogReader(directory, log.flush),
    directory,
    current,
    limits,
    clock,
    /** On stderr. */
    said: () => said.join(""),
    /** The names of the files, oldest first. */
    files: () => readdirSync(directory).sort(),
    /** The current file's bytes, once all is written. */
    written(): string {
      log.flush();
      return readFileSync(current, "utf8");
    },
    [Symbol.asyncDispose]: temp[Symbol.asyncDispose],
  };
}

export const messages = (entries: Array<{ message: string }>): string[] => entries.map(({ message }) => message);
