/** The server's log: each entry goes to stderr for people, and to the log's file as JSON. */

import { createConsola } from "consola/core";
import { type LogEntry, type LogLevel, passes } from "../core/logs.ts";
import type { Log } from "../core/ports.ts";
import { formatEntry, formatForPeople } from "./entry.ts";
import { createLogFile, type FileLimits } from "./file.ts";
import { createRedactor } from "./secrets.ts";

export interface LogOptions {
  directory: string;
  /** As they are now. */
  limits: () => FileLimits & { level: LogLevel };
  /** Never to be written. */
  secrets: readonly string[];
  /** Takes a line with its break. */
  stderr: (line: string) => void;
  /** Epoch ms. */
  now: () => number;
}

export interface ServerLog extends Log {
  /** Writes what is still in memory, at once: for a reader, and for the end of the process. */
  flush(): void;
}

export function createLog({ directory, limits, secrets, stderr, now }: LogOptions): ServerLog {
  const redact = createRedactor(secrets);
  const file = createLogFile({
    directory,
    limits,
    now,
    onTrouble: (code) => alone("warn", "the log file cannot be written: entries are here alone until it can", { code }),
    onRecovery: (lost) => write("info", "the log file is written again", lost > 0 ? { lost } : undefined),
  });
  const people = createConsola({
    level: Number.POSITIVE_INFINITY,
    throttle: 0,
    reporters: [{ log: ({ args: [line] }) => stderr(formatForPeople(JSON.parse(String(line)) as LogEntry)) }],
  });

  const alone = (level: LogLevel, message: string, fields?: Record<string, unknown>) => {
    const line = formatEntry(now(), level, message, fields, redact);
    people[level](line);
    return line;
  };
  const write = (level: LogLevel, message: string, fields?: Record<string, unknown>) => {
    if (passes(level, limits().level)) file.append(alone(level, message, fields));
  };

  return {
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    flush: file.flush,
  };
}
