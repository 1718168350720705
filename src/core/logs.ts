/** The log as it is read again; `src/logs` writes and reads it. */

/** In the directory of the log: what the server says beside it, where the service manager has no journal. */
export const serviceOutput = "service.log";

export const logLevels = ["error", "warn", "info"] as const;

export type LogLevel = (typeof logLevels)[number];

/** One line of the log. The fields beside these three are what the message is about. */
export interface LogEntry {
  /** ISO 8601, UTC. */
  time: string;
  level: LogLevel;
  message: string;
  [field: string]: unknown;
}

/** Which entries are wanted: those of a level and of worse ones, or all. */
export type LogFilter = LogLevel | "all";

export interface LogReader {
  /** The last `count` wanted entries, oldest first. Throws OcpError internal when the log cannot be read. */
  tail(count: number, filter: LogFilter): Promise<LogEntry[]>;
  /** The same, and then each wanted entry as it comes, until the signal aborts. */
  follow(count: number, filter: LogFilter, signal: AbortSignal): AsyncGenerator<LogEntry, void, void>;
}

/** Whether an entry of this level is wanted. */
export function passes(level: LogLevel, filter: LogFilter): boolean {
  return filter === "all" || logLevels.indexOf(level) <= logLevels.indexOf(filter);
}
