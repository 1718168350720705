/** One entry as a line of JSON, and as a line for people: nothing that a client sent can forge or colour a line. */

import { type LogEntry, type LogLevel, logLevels } from "../core/logs.ts";
import { escapeControls, onOneLine } from "../core/terminal-text.ts";

export type Fields = Readonly<Record<string, unknown>> | undefined;

/** Characters of one field that are kept. */
const longestField = 4_000;

/**
 * `time` is epoch ms; `redact` takes out of each text what may not be written. The line has no line break. Fields of
 * the names that an entry has itself are dropped.
 */
export function formatEntry(
  time: number,
  level: LogLevel,
  message: string,
  fields: Fields,
  redact: (text: string) => string,
): string {
  const own = { time: new Date(time).toISOString(), level, message };
  return escapeControls(stringify({ ...own, ...fields, ...own }, redact));
}

/** Null when the line is no entry, such as one that a full disk cut off. */
export function parseEntry(line: string): LogEntry | null {
  if (!line.startsWith("{")) return null;
  try {
    return entryOf(JSON.parse(line));
  } catch {
    return null;
  }
}

/** Null when the value, which a file or a server gave, is no entry. */
export function entryOf(value: unknown): LogEntry | null {
  const { time, level, message } = (value ?? {}) as Partial<LogEntry>;
  const isEntry = typeof time === "string" && typeof message === "string" && logLevels.includes(level as LogLevel);
  return isEntry ? (value as LogEntry) : null;
}

/** `time level message key=value`, with a line break; `paint` colours a word. */
export function formatForPeople(entry: LogEntry, paint: Paint = (_, text) => text): string {
  const { time, level, message, ...fields } = entry;
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  const words = pairs.map(([key, value]) => `${paint("dim", `${oneWord(key)}=`)}${oneWord(value)}`);
  return `${[paint("dim", oneWord(time)), paint(level, level), oneLine(message), ...words].join(" ")}\n`;
}

export type Paint = (as: LogLevel | "dim", text: string) => string;

/** A word as it is, anything else as JSON, so that a value cannot pass for another field. */
function oneWord(value: unknown): string {
  if (typeof value === "string" && /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(value)) return value;
  return escapeControls(stringify(value) ?? "null");
}

function oneLine(message: string): string {
  return onOneLine(message.replace(/\p{Cc}+/gu, " "));
}

/** What goes in circles is written as far as it does not. */
function stringify(value: unknown, redact: (text: string) => string = (text) => text): string {
  const written = (_key: string, each: unknown) => {
    if (typeof each === "bigint") return String(each);
    const text = each instanceof Error ? `${each.name}: ${each.message}` : each;
    return typeof text === "string" ? shorten(redact(text)) : text;
  };
  try {
    return JSON.stringify(value, written);
  } catch {
    return JSON.stringify(value, (key, each) =>
      key === "" || typeof each !== "object" ? written(key, each) : "[object]",
    );
  }
}

function shorten(text: string): string {
  return text.length <= longestField ? text : `${text.slice(0, longestField)}... (${text.length} characters)`;
}
