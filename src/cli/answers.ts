/**
 * Reads what a server answered, to print it: another version may leave things out, and whatever stands at the address
 * may answer anything. Nothing of it reaches the terminal as a control character.
 */

import { onOneLine } from "../core/terminal-text.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Empty when it is no object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** One line; null when there is no text. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? onOneLine(value.replace(/\p{Cc}+/gu, " ").slice(0, 500)) : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A number as it is shown, `-` when there is none. */
export function shown(value: unknown): string {
  return String(numberOf(value) ?? "-");
}

/** `1 error`, `2 errors`, `- errors`. */
export function counted(value: unknown, noun: string): string {
  return `${shown(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Of an ISO 8601 text, epoch ms. */
export function timeOf(value: unknown): number | null {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
