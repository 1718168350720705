/** Budgets: what is let through, what is set aside, and what is said when nothing is left. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import { createJournal } from "../../src/core/journal.ts";
import type { Period } from "../../src/core/periods.ts";
import { createQuotas, type TurnSize } from "../../src/core/quota.ts";
import type { Limits } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open.ts";
import { usageRow } from "../store/opened.ts";

/** A Wednesday. */
const noon = Date.UTC(2026, 10, 25, 12);
const short = (): TurnSize => ({ input: 100, output: 500, longest: 128_000 });

const silent = { info() {}, warn() {}, error() {} };

function ledger({ requests = {}, tokens = {} }: { requests?: Partial<Limits>; tokens?: Partial<Limits> } = {}) {
  let now = noon;
  const store = openStore({ directory: null, now: () => now, log: silent });
  const { key } = store.keys.create("laptop", null);
  store.keys.setLimits(key.id, "requests", requests);
  store.keys.setLimits(key.id, "tokens", tokens);
  const journal = createJournal({ usage: store.usage, warn: () => {}, clock: () => now });
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const quotas = createQuotas({ keys: store.keys, journal, warn, clock: () => now });
  return {
    store,
    key,
    warnings,
    check: () => refusalOf(() => quotas.check(key.id)),
    reserve: (size = short) => quotas.reserve(key.id, size),
    refusal: (size = short) => refusalOf(() => quotas.reserve(key.id, size)),
    use: (charged: { requests: 0 | 1; tokens: number }, at = now) =>
      journal.write(usageRow({ at, keyId: key.id, charged })),
    standing: () => quotas.standing(store.keys.find("laptop")!),
    at(time: number) {
      now = time;
    },
  };
}

function refusalOf(action: () => unknown): OcpError | null {
  try {
    action();
    return null;
  } catch (error) {
    if (error instanceof OcpError && error.code === "quota_exceeded") return error;
    throw error;
  }
}

describe("a quota of requests", () => {
  test("of ten lets ten of fifty through that come at once", () => {
    const { reserve, refusal } = ledger({ requests: { daily: 10 } });
    for (let i = 0; i < 10; i++) reserve();
    for (let i = 0; i < 40; i++) expect(refusal()?.quota).toMatchObject({ limit: 10, used: 10 });
  });

  test("counts what was used and what is set aside together, and each turn once", () => {
    const { reserve, refusal, use } = ledger({ requests: { daily: 3 } });
    const { share } = reserve();
    use({ requests: 1, tokens: 0 });
    share.release();
    share.release();
    reserve();
    reserve();
    expect(refusal()?.quota?.used).toBe(3);
  });

  test("has a turn's place again when the turn came to nothing", () => {
    const { reserve, refusal } = ledger({ requests: { daily: 1 } });
    const { share } = reserve();
    expect(refusal()).not.toBeNull();
    share.release();
    expect(refusal()).toBeNull();
  });

  test.each<[Period, number, string, number]>([
    ["daily", Date.UTC(2026, 10, 25, 23, 59, 59, 999), "12h 0m", Date.UTC(2026, 10, 26)],
    ["weekly", Date.UTC(2026, 10, 29, 23, 59, 59, 999), "4d 12h 0m", Date.UTC(2026, 10, 30)],
    ["monthly", Date.UTC(2026, 10, 30, 23, 59, 59, 999), "5d 12h 0m", Date.UTC(2026, 11, 1)],
  ])("by the %s calendar holds to its last moment and is new after it", (period, last, resetsIn, next) => {
    const { use, refusal, at, standing } = ledger({ requests: { [period]: 1 } });
    use({ requests: 1, tokens: 0 });
    const refused = refusal();
    expect(refused?.quota).toEqual({ period, unit: "requests", limit: 1, used: 1, resetsIn });
    expect(refused?.retryAfter).toBe((next - noon) / 1000);
    expect(refused?.message).toContain(`${period} quota of 1 requests`);
    expect(standing().requests[period]).toEqual({ limit: 1, used: 1, resetsAt: next });
    at(last);
    expect(refusal()?.retryAfter).toBe(1);
    at(next);
    expect(refusal()).toBeNull();
  });

  test("that is exceeded in several periods tells of the one that lasts longest", () => {
    const { use, refusal } = ledger({ requests: { daily: 1, weekly: 1, monthly: 2 } });
    use({ requests: 1, tokens: 0 });
    expect(refusal()?.quota?.period).toBe("weekly");
  });

  test("of 0 lets nothing through, and null everything", () => {
    expect(ledger({ requests: { monthly: 0 } }).check()?.quota).toMatchObject({ limit: 0, used: 0 });
    const { reserve, check } = ledger({ requests: { daily: null } });
    for (let i = 0; i < 1000; i++) reserve();
    expect(check()).toBeNull();
  });

  test("holds at once when it is changed, for turns that run as well", () => {
    const { store, key, reserve, refusal } = ledger();
    reserve();
    reserve();
    store.keys.setLimits(key.id, "requests", { daily: 2 });
    expect(refusal()?.quota).toMatchObject({ limit: 2, used: 2 });
    store.keys.setLimits(key.id, "requests", { daily: 3 });
    expect(refusal()).toBeNull();
  });

  test("is one key's alone", () => {
    const { store, reserve, refusal } = ledger({ requests: { daily: 1 } });
    store.keys.create("phone", null);
    reserve();
    expect(refusal()).not.toBeNull();
    const quotas = createQuotas({
      keys: store.keys,
      journal: createJournal({ usage: store.usage, warn: () => {}, clock: () => noon }),
      warn: () => {},
      clock: () => noon,
    });
    quotas.reserve(2, short);
  });

  test("refuses before a turn only for what was used: turns that run may come to nothing", () => {
    const { reserve, check, use } = ledger({ requests: { daily: 1 } });
    reserve();
    expect(check()).toBeNull();
    use({ requests: 1, tokens: 0 });
    expect(check()).not.toBeNull();
  });

  test("of a key named like another's id is that key's own", () => {
    const { store, check } = ledger({ requests: { daily: 5 } });
    const { key } = store.keys.create("1", null);
    store.keys.setLimits(key.id, "requests", { daily: 0 });
    expect(check()).toBeNull();
  });
});

describe("a quota of tokens", () => {
  test.each<[string, number, Partial<TurnSize>, { output: number; shortened: boolean }]>([
    ["as the client named", 100_000, { output: 500 }, { output: 500, shortened: false }],
    ["at most a quarter of the limit", 100_000, { output: 64_000 }, { output: 25_000, shortened: true }],
    ["what most models may say, where none is named", 1e9, { output: undefined }, { output: 32_000, shortened: false }],
    ["the model's longest", 1e9, { output: undefined, longest: 8_000 }, { output: 8_000, shortened: false }],
    ["a quarter, where none is named", 40_000, { output: undefined }, { output: 10_000, shortened: true }],
    ["what is left", 1_000, { input: 600, output: 250 }, { output: 250, shortened: false }],
  ])("holds an answer to %s", (_what, daily, size, bound) => {
    const { reserve } = ledger({ tokens: { daily } });
    expect(reserve(() => ({ ...short(), ...size })).bound).toEqual(bound);
  });

  test("holds an answer to what is left, down to its first sentences", () => {
    const { reserve, refusal, use } = ledger({ tokens: { daily: 10_000 } });
    use({ requests: 1, tokens: 9_500 });
    expect(reserve().bound).toEqual({ output: 400, shortened: true });
    const again = ledger({ tokens: { daily: 10_000 } });
    again.use({ requests: 1, tokens: 9_700 });
    expect(again.refusal()?.message).toContain("too large for what this key has left");
    expect(refusal()?.message).toContain("set aside");
  });

  test("takes the strictest period", () => {
    const { reserve } = ledger({ tokens: { daily: 100_000, monthly: 2_000 } });
    expect(reserve(() => ({ input: 10, output: undefined, longest: 9e9 })).bound?.output).toBe(500);
  });

  test("is not overshot by turns that come at once, and says that the rest is only set aside", () => {
    const { reserve, refusal, standing } = ledger({ tokens: { daily: 2_000 } });
    const outputs: number[] = [];
    const refused = refusalOf(() => {
      for (;;) outputs.push(reserve().bound!.output);
    });
    expect(outputs).toEqual([500, 500, 500]);
    expect(refused).toMatchObject({ retryAfter: 5, reason: "rate_limited" });
    expect(refused?.quota).toMatchObject({ unit: "tokens", limit: 2_000, used: 1_800 });
    expect(refusal()?.message).toContain("set aside");
    expect(standing().tokens.daily.used).toBe(0);
  });

  test("has back what a turn did not need", () => {
    const { reserve, refusal, use, standing } = ledger({ tokens: { daily: 1_000 } });
    const shares = [reserve(), reserve()].map(({ share }) => share);
    expect(refusal()).not.toBeNull();
    for (const share of shares) {
      use({ requests: 1, tokens: 110 });
      share.release();
    }
    expect(standing().tokens.daily.used).toBe(220);
    expect(refusal()).toBeNull();
  });

  test("that is used up refuses before a turn, and 0 refuses all", () => {
    const { use, check } = ledger({ tokens: { weekly: 1_000 } });
    use({ requests: 1, tokens: 1_200 });
    expect(check()?.quota).toMatchObject({ period: "weekly", unit: "tokens", limit: 1_000, used: 1_200 });
    const blocked = ledger({ tokens: { daily: 0 } });
    expect(blocked.check()?.quota?.limit).toBe(0);
    expect(blocked.refusal()?.message).toContain("used up");
  });

  test("refuses a prompt that does not fit into it at all", () => {
    const { refusal } = ledger({ tokens: { daily: 1_000 } });
    const refused = refusal(() => ({ input: 5_000, output: 10, longest: 9_000 }));
    expect(refused?.message).toContain("too large");
    expect(refused?.reason).toBeUndefined();
  });

  test("looks at a prompt only if there is a limit", () => {
    const { reserve } = ledger({ requests: { daily: 5 } });
    const size = () => {
      throw new Error("nobody should ask");
    };
    expect(reserve(size).bound).toBeNull();
  });
});

test("limits hold by what was last known when the store fails, and a key that was never seen goes through", () => {
  const { store, key, use, check, warnings, at } = ledger({ requests: { daily: 1 } });
  use({ requests: 1, tokens: 0 });
  expect(check()).not.toBeNull();
  store.keys.find = store.usage.used = () => {
    throw Object.assign(new Error("disk"), { code: "SQLITE_IOERR" });
  };
  expect(check()).not.toBeNull();
  expect(warnings).toContain("quotas cannot be read");
  at(noon + 86_400_000);
  expect(check()).toBeNull();
  const other = ledger();
  other.store.keys.find = store.keys.find;
  expect(other.check()).toBeNull();
  expect(key.id).toBe(1);
});
