/** Reads what requests say about keys, strictly: whatever is wrong is refused with the field's name. */

import { OcpError } from "../core/errors.ts";
import { type Period, periods } from "../core/periods.ts";
import type { KeyRecord, Limits } from "../core/store.ts";
import { parseTime } from "./iso-time.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Names stand in URLs, tables and pages: nothing in them needs escaping, and no URL is normalised around them. */
const namePattern = /^(?!\.{1,2}$)(?! )[A-Za-z0-9 ._-]{1,64}(?<! )$/;

export interface LimitChanges {
  requests: Partial<Limits>;
  tokens: Partial<Limits>;
}

/** Throws OcpError invalid_request for a field that is none of `known`. */
export function refuseUnknown(fields: Fields, known: readonly string[], within = ""): void {
  const stranger = Object.keys(fields).find((field) => !known.includes(field));
  if (stranger === undefined) return;
  const param = `${within}${stranger.slice(0, 64)}`;
  throw new OcpError("invalid_request", `\`${param}\` is no field of this request: it takes ${known.join(", ")}.`, {
    param,
  });
}

/** Undefined: the request has none. */
export function readName({ name }: Fields): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name === "string" && namePattern.test(name)) return name;
  throw new OcpError(
    "invalid_request",
    "`name` must be 1 to 64 letters, digits, dots, underscores, dashes and spaces, with no space at its ends.",
    { param: "name" },
  );
}

/** Epoch ms; null: never; undefined: the request says nothing of it. `now` in epoch ms. */
export function readExpiry({ expiresAt }: Fields, now: number): number | null | undefined {
  if (expiresAt === undefined || expiresAt === null) return expiresAt;
  const time = typeof expiresAt === "string" ? parseTime(expiresAt) : null;
  if (time === null) throw badExpiry("must be a time such as 2027-01-31T12:00:00Z, or null for never");
  if (time <= now) throw badExpiry("must be in the future: a key is ended by revoking it");
  return time;
}

function badExpiry(rule: string): OcpError {
  return new OcpError("invalid_request", `\`expiresAt\` ${rule}.`, { param: "expiresAt" });
}

/** The limits that a request names: those of requests by their period, those of tokens the same way in `tokens`. */
export function readLimits(fields: Fields): LimitChanges {
  const { tokens = {} } = fields;
  if (typeof tokens !== "object" || tokens === null || Array.isArray(tokens)) {
    throw new OcpError("invalid_request", "`tokens` must be an object with daily, weekly or monthly.", {
      param: "tokens",
    });
  }
  refuseUnknown(tokens as Fields, periods, "tokens.");
  return { requests: limitsIn(fields, ""), tokens: limitsIn(tokens as Fields, "tokens.") };
}

function limitsIn(fields: Fields, within: string): Partial<Limits> {
  const limits: Partial<Record<Period, number | null>> = {};
  for (const period of periods) {
    const value = fields[period];
    if (value === undefined) continue;
    if (value !== null && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
      const param = `${within}${period}`;
      const sentence = `\`${param}\` must be a whole number of at least 0, or null for no limit.`;
      throw new OcpError("invalid_request", sentence, { param });
    }
    limits[period] = value as number | null;
  }
  return limits;
}

/** Throws OcpError conflict: what is revoked stays as it is, for the usage that tells of it. */
export function refuseRevoked(key: KeyRecord): void {
  if (key.revokedAt !== null) throw new OcpError("conflict", "This key is revoked. Create a new one.");
}
