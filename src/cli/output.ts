/** What every command says and how it ends: data on stdout, talk on stderr, errors as a line and an exit code. */

import { OcpError } from "../core/errors.ts";
import { onOneLine } from "../core/terminal-text.ts";
import { rendered } from "./style.ts";

/** The process as the commands see it. */
export type Host = Pick<
  NodeJS.Process,
  "env" | "stdin" | "stdout" | "stderr" | "on" | "exit" | "execPath" | "platform" | "getuid"
>;

export const exitCodes = {
  ok: 0,
  /** Something failed that is neither of those below. */
  failure: 1,
  /** The command line or a setting is wrong. */
  usage: 2,
  /** The port or the data directory is another server's, or the address is not this machine's. */
  cannotListen: 3,
  /** `ocp update --check` has found a newer version. */
  updateAvailable: 10,
} as const;

/** What each code means, for help and the README. */
export const exitCodeRows: ReadonlyArray<readonly [code: string, meaning: string]> = [
  [String(exitCodes.ok), "It was done."],
  [String(exitCodes.failure), "It failed, or what was looked at is not well (health, doctor)."],
  [String(exitCodes.usage), "The command line or a setting is wrong; nothing was done."],
  [
    String(exitCodes.cannotListen),
    "serve: the port is taken, another server uses ~/.ocp, or the address is not this machine's.",
  ],
  [String(exitCodes.updateAvailable), "update --check: there is a newer version."],
];

/** The `reason` of an OcpError that means that the server could not listen. */
export const cannotListen = "cannot_listen";

type Stream = Host["stdout"] | Host["stderr"];

/**
 * Writes all of `text`; that nobody reads it any more, as after `head`, is no error. This is the one place that writes
 * to the terminal: whatever the text holds, no control character but line break and tab gets there, except our own
 * styles (style.ts), which only reach a terminal.
 */
export function write(host: Host, stream: Stream, text: string): Promise<void> {
  const shown = rendered(text, hasColours(host, stream));
  return new Promise((resolve) => stream.write(shown, () => resolve()));
}

/** Colours only on a terminal, and not with NO_COLOR (https://no-color.org). */
function hasColours(host: Host, stream: Stream): boolean {
  return stream.isTTY === true && !host.env.NO_COLOR && host.env.TERM !== "dumb";
}

/** Rows as aligned columns, two spaces apart. A cell has no styles, and is shown on one line. */
export function columns(table: readonly (readonly string[])[]): string {
  const rows = table.map((row) => row.map(onOneLine));
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** A wrong command line. */
export function usageError(message: string): OcpError {
  return new OcpError("invalid_request", message);
}

/** Says what went wrong, one `ocp: ` line a problem, and gives the exit code that goes with it. */
export async function reportError(host: Host, error: unknown): Promise<number> {
  const text =
    error instanceof OcpError ? error.message : (refusedFile(error) ?? `internal error: ${describeDefect(error)}`);
  const lines = text.split("\n");
  await write(host, host.stderr, lines.map((line) => `ocp: ${line}\n`).join(""));
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof OcpError)) return exitCodes.failure;
  if (error.reason === cannotListen) return exitCodes.cannotListen;
  return error.code === "invalid_request" ? exitCodes.usage : exitCodes.failure;
}

/** Errors of the system that no program can avoid. */
const refusals = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EISDIR", "ELOOP", "EIO"]);

/** A sentence on a file that the system refuses; null for any other error. */
function refusedFile(error: unknown): string | null {
  const { code = "", path, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || path === undefined || !refusals.has(code)) return null;
  const reason = message.replace(`${code}: `, "").split(",", 1)[0];
  return `${onOneLine(path)} cannot be used: ${reason} (${code}).`;
}

/** The error and where it was thrown, on one line. */
function describeDefect(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = /\n[ \t]{1,20}at ([^\n]*)/.exec(error.stack ?? "")?.[1];
  return `${error.name}: ${error.message}${frame === undefined ? "" : ` at ${frame}`}`;
}
