/**
 * The shapes of a server's answers, as far as commands print them: another version may say more, and whatever stands at
 * the address may say anything.
 */

import { type TSchema, Type } from "@sinclair/typebox";

const text = Type.String();
const number = Type.Number();
const orNull = <Shape extends TSchema>(shape: Shape) => Type.Union([shape, Type.Null()]);

/** A server of an older version knows nothing that hibernates. */
export const cleared = Type.Object({ cleared: number, forgotten: Type.Optional(number) });

export const cacheStats = Type.Object({
  entries: number,
  totalHits: number,
  sizeBytes: number,
  inflight: number,
  requesters: number,
  ttl: number,
  maxBytes: number,
});

export const sessionList = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: text,
      principal: Type.Optional(text),
      pid: orNull(number),
      model: text,
      state: text,
      ended: Type.Optional(orNull(text)),
      messages: number,
      turns: number,
      cacheHit: Type.Optional(orNull(number)),
      rebuilds: Type.Optional(Type.Record(text, number)),
      createdAt: text,
      lastUsedAt: text,
    }),
  ),
});

const usageRow = Type.Object({
  key_name: text,
  requests: number,
  successes: number,
  errors: number,
  cached: number,
  avg_elapsed_ms: number,
  tokens: Type.Object({ input: number, cache_read: number, cache_write: number, output: number }),
});
export const usageByKey = Type.Object({
  byKey: Type.Array(usageRow),
  scope: Type.Object({ self: text, all: Type.Boolean() }),
});

const settingState = Type.Object({
  type: text,
  value: Type.Unknown(),
  default: Type.Unknown(),
  unit: orNull(text),
  source: text,
  env: text,
  desc: text,
  live: Type.Boolean(),
  min: Type.Optional(orNull(number)),
  max: Type.Optional(orNull(number)),
  values: Type.Optional(orNull(Type.Array(text))),
});
export const settingStates = Type.Record(text, settingState);
export const changedSettings = Type.Object({ current: settingStates });

export const secret = Type.Object({ key: text, name: text });
export const changedKey = Type.Object({ key: Type.Object({ expires_at: orNull(text) }) });

const used = Type.Object({ requests: number, tokens: number });
const limit = orNull(number);
export const keyList = Type.Object({
  keys: Type.Array(
    Type.Object({
      id: number,
      name: text,
      keyPreview: text,
      expires_at: orNull(text),
      revoked: Type.Boolean(),
      quota_daily: limit,
      quota_weekly: limit,
      quota_monthly: limit,
      quota_tokens_daily: limit,
      quota_tokens_weekly: limit,
      quota_tokens_monthly: limit,
      used: Type.Object({ daily: used, weekly: used, monthly: used }),
    }),
  ),
});

const budget = Type.Object({ limit, used: number });
const budgets = { daily: budget, weekly: budget, monthly: budget };
export const keyBudgets = Type.Object({ ...budgets, tokens: Type.Object(budgets) });
export const changedBudgets = Type.Object({ quota: keyBudgets });
