/**
 * The environment of the installed service, a file of lines `NAME='value'` in `~/.ocp`: `ocp install` writes it, the
 * service starts with it, and commands read from it where the server listens. systemd's `EnvironmentFile=`, a POSIX
 * shell and this file read the same out of it.
 */

import { readFileSync } from "node:fs";
import { OcpError } from "../core/errors.ts";

/** A line that sets a variable, in the one form that all readers agree on; others are left as they are. */
const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=(?:'([^']*)'|"([^"\\$`]*)"|([^\s'"\\$`;&|<>()#*?[\]~]*))\s*$/;

/** The variables of the file's text, the last line of a name wins. Lines that are no assignment are skipped. */
export function parseServiceEnv(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const [, name, single, double, bare] = assignment.exec(line.trim()) ?? [];
    if (name !== undefined) variables[name] = single ?? double ?? bare ?? "";
  }
  return variables;
}

/**
 * The text with these variables set, and those that are undefined taken out; the user's other lines, comments and
 * their order stay. Throws OcpError invalid_request for a value that not every reader would read alike.
 */
export function changeServiceEnv(text: string, changes: Readonly<Record<string, string | undefined>>): string {
  const lines = text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
  const left = new Map(Object.entries(changes));
  const kept = lines.flatMap((line) => {
    const name = assignment.exec(line.trim())?.[1];
    if (name === undefined || !Object.hasOwn(changes, name)) return [line];
    const value = left.get(name);
    // A second line of the same name goes: the last one wins, so it would undo the change.
    left.delete(name);
    return value === undefined ? [] : [lineOf(name, value)];
  });
  const added = [...left].flatMap(([name, value]) => (value === undefined ? [] : [lineOf(name, value)]));
  return [...kept, ...added].map((line) => `${line}\n`).join("");
}

function lineOf(name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(value) || (value.includes("'") && /["\\$`]/.test(value))) {
    throw new OcpError(
      "invalid_request",
      `${name} cannot be kept for the service: it holds a control character, or a quote beside other special ones.`,
    );
  }
  return value.includes("'") ? `${name}="${value}"` : `${name}='${value}'`;
}

/** What the file holds; nothing when there is none, or when it cannot be read by this user. */
export function readServiceEnv(path: string): Record<string, string> {
  try {
    return parseServiceEnv(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}
