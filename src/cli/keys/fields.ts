/** Reads what the commands of `ocp keys` are given, as the server's routes want it. */

import { usageError } from "../output.ts";
import { limitFlags } from "./limit-flags.ts";

export type Args = Readonly<Record<string, unknown>>;

export interface LimitFields {
  daily?: number | null;
  weekly?: number | null;
  monthly?: number | null;
  tokens?: { daily?: number | null; weekly?: number | null; monthly?: number | null };
}

const units: Readonly<Record<string, number>> = { "": 1, k: 1_000, m: 1_000_000 };
const spans: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The path of one key. */
export function pathOf(args: Args, rest = ""): string {
  return `/api/keys/${encodeURIComponent(String(args.name))}${rest}`;
}

/** The limits that flags name, and no others. Throws OcpError invalid_request that names the flag. */
export function limitsOf(args: Args): LimitFields {
  const fields: LimitFields = {};
  for (const { flag, period, unit } of limitFlags) {
    const text = args[flag];
    if (typeof text !== "string") continue;
    const value = count(flag, text);
    if (unit === "tokens") fields.tokens = { ...fields.tokens, [period]: value };
    else fields[period] = value;
  }
  return fields;
}

function count(flag: string, text: string): number | null {
  if (text === "none") return null;
  const [, digits, unit = ""] = /^(\d{1,12})([km]?)$/i.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (units[unit.toLowerCase()] ?? 1);
  throw usageError(`--${flag} is ${JSON.stringify(text)}. It must be a whole number (also 500k, 2M), or none.`);
}

/** As the server reads it; null: never. `label` is how the user calls it, `now` in epoch ms. */
export function expiryOf(label: string, text: string, now: number): string | null {
  if (text === "never") return null;
  const [, amount, unit] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  if (unit !== undefined) return new Date(now + Number(amount) * (spans[unit] ?? 0)).toISOString();
  if (/^\d{4}-\d{2}-\d{2}(T.+)?$/.test(text)) return text;
  const sentence = "It must be like 12h, 90d, 8w, 2027-01-31 or 2027-01-31T12:00:00Z, or never.";
  throw usageError(`${label} is ${JSON.stringify(text)}. ${sentence}`);
}
