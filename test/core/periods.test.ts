import { expect, test } from "bun:test";
import { dayOf, type Period, periodOf } from "../../src/core/periods.ts";

const rows: Array<[Period, string, string, string]> = [
  ["daily", "2026-11-26T23:59:59.999Z", "2026-11-26", "2026-11-27"],
  ["daily", "2026-11-27T00:00:00.000Z", "2026-11-27", "2026-11-28"],
  // A Sunday belongs to the week of the Monday before it.
  ["weekly", "2026-11-29T23:59:59.999Z", "2026-11-23", "2026-11-30"],
  ["weekly", "2026-11-30T00:00:00.000Z", "2026-11-30", "2026-12-07"],
  ["weekly", "2027-01-01T12:00:00.000Z", "2026-12-28", "2027-01-04"],
  ["monthly", "2026-12-31T23:59:59.999Z", "2026-12-01", "2027-01-01"],
  ["monthly", "2028-02-29T00:00:00.000Z", "2028-02-01", "2028-03-01"],
];

test.each(rows)("the %s period of %s is from %s to %s, in UTC", (period, at, start, end) => {
  expect(periodOf(period, Date.parse(at))).toEqual({ start: Date.parse(start), end: Date.parse(end) });
});

test("a day begins at midnight UTC", () => {
  expect(dayOf(Date.parse("2026-11-26T05:06:07Z"))).toBe(Date.parse("2026-11-26"));
});
