/** A row of usage as the table has it, and as the server has it. */

import type { UsageRow } from "../core/store.ts";
import type { Usage } from "../core/turn.ts";

// Aliases, because the values of an interface cannot be bound as a record.
export type TokenColumns = {
  input: number;
  cache_read: number;
  cache_write: number;
  output: number;
  thinking: number;
};

export type RowColumns = TokenColumns & {
  at: number;
  request_id: string;
  principal_id: string;
  key_id: number | null;
  name: string;
  dialect: UsageRow["dialect"];
  model: string;
  prompt_chars: number;
  answer_chars: number;
  queued_ms: number;
  first_ms: number | null;
  total_ms: number;
  outcome: string;
  path: UsageRow["path"];
  reason: UsageRow["reason"];
  cache: UsageRow["cache"];
  charged_requests: 0 | 1;
  charged_tokens: number;
};

/** Times may be measured finer than whole ms. */
export function toColumns(row: UsageRow): RowColumns {
  return {
    at: row.at,
    request_id: row.requestId,
    principal_id: row.principalId,
    key_id: row.keyId,
    name: row.name,
    dialect: row.dialect,
    model: row.model,
    input: row.tokens.input,
    cache_read: row.tokens.cacheRead,
    cache_write: row.tokens.cacheWrite,
    output: row.tokens.output,
    thinking: row.tokens.thinking,
    prompt_chars: row.promptChars,
    answer_chars: row.answerChars,
    queued_ms: Math.round(row.queuedMs),
    first_ms: row.firstMs === null ? null : Math.round(row.firstMs),
    total_ms: Math.round(row.totalMs),
    outcome: row.outcome,
    path: row.path,
    reason: row.reason,
    cache: row.cache,
    charged_requests: row.charged.requests,
    charged_tokens: Math.round(row.charged.tokens),
  };
}

export function toRow(columns: RowColumns): UsageRow {
  return {
    at: columns.at,
    requestId: columns.request_id,
    principalId: columns.principal_id,
    keyId: columns.key_id,
    name: columns.name,
    dialect: columns.dialect,
    model: columns.model,
    tokens: toTokens(columns),
    promptChars: columns.prompt_chars,
    answerChars: columns.answer_chars,
    queuedMs: columns.queued_ms,
    firstMs: columns.first_ms,
    totalMs: columns.total_ms,
    outcome: columns.outcome,
    path: columns.path,
    reason: columns.reason,
    cache: columns.cache,
    charged: { requests: columns.charged_requests, tokens: columns.charged_tokens },
  };
}

export function toTokens(columns: TokenColumns): Usage {
  return {
    input: columns.input,
    cacheRead: columns.cache_read,
    cacheWrite: columns.cache_write,
    output: columns.output,
    thinking: columns.thinking,
  };
}
