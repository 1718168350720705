/** How keys and their quotas look to the administrator. */

import { eachPeriod, type Period } from "../core/periods.ts";
import type { Quotas, Standing } from "../core/quota.ts";
import type { KeyRecord } from "../core/store.ts";
import { isoTime } from "./iso-time.ts";

type Budget = Record<Period, { limit: number | null; used: number }>;

export interface QuotaView extends Budget {
  tokens: Budget;
}

export type KeyView = ReturnType<typeof viewKey>;

/** Nothing in it lets anybody in. */
export function viewKey(key: KeyRecord, quotas: Quotas) {
  const { requests, tokens } = key;
  return {
    id: key.id,
    keyPreview: key.preview,
    name: key.name,
    created_at: isoTime(key.createdAt),
    expires_at: isoTime(key.expiresAt),
    revoked: key.revokedAt !== null,
    revoked_at: isoTime(key.revokedAt),
    quota_daily: requests.daily,
    quota_weekly: requests.weekly,
    quota_monthly: requests.monthly,
    quota_tokens_daily: tokens.daily,
    quota_tokens_weekly: tokens.weekly,
    quota_tokens_monthly: tokens.monthly,
    used: usedBy(key, quotas),
  };
}

/** What the key has used in the current periods. */
function usedBy(key: KeyRecord, quotas: Quotas) {
  const { requests, tokens } = quotas.standing(key);
  return eachPeriod((period) => ({ requests: requests[period].used, tokens: tokens[period].used }));
}

export function viewQuota(key: KeyRecord, quotas: Quotas): QuotaView {
  const { requests, tokens } = quotas.standing(key);
  return { ...budget(requests), tokens: budget(tokens) };
}

function budget(standing: Standing): Budget {
  return eachPeriod((period) => ({ limit: standing[period].limit, used: standing[period].used }));
}
