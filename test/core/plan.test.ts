/** What is said of the plan in words, and whom a refusal is for. */

import { describe, expect, test } from "bun:test";
import {
  concerns,
  percentText,
  planLimitReached,
  refusalFor,
  resetDate,
  resetsIn,
  unknownPlan,
} from "../../src/core/plan.ts";

const now = Date.UTC(2026, 10, 26, 7, 4);
const minute = 60_000;
const hour = 60 * minute;

test.each([
  [null, "unknown"],
  [now - hour, "now"],
  [now, "now"],
  [now + 1, "1m"],
  [now + 5 * minute, "5m"],
  [now + 60 * minute - 1, "59m"],
  [now + 2 * hour + 10 * minute, "2h 10m"],
  [now + 24 * hour, "1d 0h"],
  [now + 76 * hour + 59 * minute, "3d 4h"],
])("a reset at %p is in %s", (at, text) => {
  expect(resetsIn(at, now)).toBe(text);
});

test("a reset's date is as en-US writes it, in the machine's time zone", () => {
  expect(resetDate(null)).toBe("unknown");
  const options = { weekday: "short", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" } as const;
  for (let at = now; at < now + 400 * 24 * hour; at += 61 * hour + 7 * minute) {
    const expected = new Date(at).toLocaleString("en-US", options).replace(/\u202f/g, " ");
    expect(resetDate(at)).toBe(expected);
  }
});

test.each([
  [null, "unknown"],
  [0, "0%"],
  [0.004, "0%"],
  [0.425, "43%"],
  [1, "100%"],
  [1.2, "120%"],
])("a share of %p is %s", (share, text) => {
  expect(percentText(share)).toBe(text);
});

describe("a window's refusal", () => {
  test.each([
    ["five_hour", null, "claude-haiku-5-5", true],
    ["seven_day_opus", ["claude-opus-5-5"], "claude-opus-4-8", true],
    ["seven_day_opus", [], "claude-sonnet-5-5", false],
    ["seven_day_sonnet", [], "claude-sonnet-5-5", true],
    ["seven_day_overage_included", ["claude-fable-5-2"], "claude-fable-5-2", true],
    ["seven_day_overage_included", ["claude-fable-5-2"], "claude-opus-5-5", false],
  ] as const)("of %s, met by %j, holds for %s: %p", (window, models, model, holds) => {
    expect(concerns({ window, models }, model)).toBe(holds);
  });

  test("counts until its reset, the last one first", () => {
    const refusal = (window: string, resetsAt: number) => ({ window, resetsAt, at: now, models: null });
    const plan = { ...unknownPlan, refusals: [refusal("five_hour", now + hour), refusal("seven_day", now + 2 * hour)] };
    expect(refusalFor(plan, "any", now)?.window).toBe("seven_day");
    expect(refusalFor(plan, "any", now + 2 * hour)).toBeNull();
  });

  test.each([
    ["five_hour", "5-hour limit"],
    ["seven_day", "weekly limit"],
    ["seven_day_opus", "weekly Opus limit"],
    ["seven_day_fable", "weekly Fable limit"],
    ["seven_day_overage_included", "usage limit"],
    ["overage", "extra usage limit"],
    ["constructor", "usage limit"],
    [undefined, "usage limit"],
  ])("of %s is told as the %s", (window, title) => {
    const error = planLimitReached(window, now + 90_500, now);
    expect(error).toMatchObject({ code: "plan_limit", status: 429, retryAfter: 91, reason: window ?? "usage_limit" });
    expect(error.message).toBe(`The Claude plan's ${title} is reached. It resets at 2026-11-26T07:05:30.500Z.`);
  });
});
