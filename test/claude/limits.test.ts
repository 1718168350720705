/** What is known of the plan's limits after what was said of them, by whichever process, in whichever order. */

import { describe, expect, test } from "bun:test";
import { createLimits, type Heard } from "../../src/claude/limits.ts";
import { refusalFor } from "../../src/core/plan.ts";

const minute = 60_000;
const hour = 60 * minute;
/** Epoch ms. */
const now = Date.UTC(2026, 0, 5, 12);
const seconds = (ms: number) => Math.floor(ms / 1000);
const sonnet = "claude-sonnet-5-5";
const opus = "claude-opus-5-5";

const session = { utilization: 0.21, resetsAt: seconds(now + 2 * hour), status: "allowed" };
const week = { utilization: 0.42, resetsAt: seconds(now + 80 * hour), status: "allowed" };
const allowed = {
  status: "allowed",
  rateLimitType: "five_hour",
  resetsAt: session.resetsAt,
  isUsingOverage: false,
  unifiedWindows: { five_hour: session, seven_day: week },
};
const rejected = {
  ...allowed,
  status: "rejected",
  unifiedWindows: { five_hour: { ...session, utilization: 1, status: "rejected" } },
};

const heard = (change: Partial<Heard> = {}): Heard => ({ model: sonnet, login: "one", at: now, ...change });

function known(...told: Array<[info: unknown, change?: Partial<Heard>]>) {
  const limits = createLimits(() => {});
  limits.login("one", null);
  for (const [info, change] of told) limits.tell(info, heard(change));
  return limits;
}

describe("a window", () => {
  test("is known with its share, its reset, its state and its age, the shared ones first", () => {
    const opusWeek = { ...week, utilization: 0.1 };
    const told = { ...allowed, unifiedWindows: { seven_day_opus: opusWeek, seven_day: week, five_hour: session } };
    expect(known([told]).status(now + minute)).toMatchObject({
      state: "allowed",
      claim: "five_hour",
      at: now,
      source: "rate_limit_event",
      windows: [
        { name: "five_hour", utilization: 0.21, resetsAt: now + 2 * hour, state: "allowed", at: now },
        { name: "seven_day", utilization: 0.42, resetsAt: now + 80 * hour },
        { name: "seven_day_opus", utilization: 0.1 },
      ],
    });
  });

  test("is unknown once it has reset, and the plan's state is then that of the window that is left", () => {
    const status = known([allowed]).status(now + 2 * hour);
    expect(status.windows.map(({ name }) => name)).toEqual(["seven_day"]);
    expect(status).toMatchObject({ state: "allowed", claim: null });
    expect(known([allowed]).status(now + 100 * hour)).toMatchObject({ windows: [], state: "unknown" });
  });

  test("whose share is known and not used up is allowed, also where nobody has told its state", () => {
    const limits = known();
    const window = (utilization: number, resetsAt: number) => ({
      utilization,
      resets_at: new Date(resetsAt).toISOString(),
    });
    const tell = (five_hour: object, seven_day: object) =>
      limits.tellUsage({ rate_limits: { five_hour, seven_day } }, heard());
    tell(window(21, now + hour), window(42, now + 80 * hour));
    const status = limits.status(now);
    expect(status.state).toBe("allowed");
    expect(status.windows.map(({ state }) => state)).toEqual(["allowed", "allowed"]);
    // A window that is used up may refuse, or be paid for with extra usage.
    tell(window(100, now + hour), window(100, now + 80 * hour));
    expect(limits.status(now).state).toBe("unknown");
  });

  test("that only some models have says nothing of the plan's state", () => {
    const told = { ...allowed, rateLimitType: undefined, unifiedWindows: { seven_day_opus: week } };
    expect(known([told]).status(now).state).toBe("unknown");
    expect(known([{ ...allowed, rateLimitType: undefined }]).status(now)).toMatchObject({
      state: "allowed",
      claim: null,
    });
  });

  test("has an unknown share where only its state is told", () => {
    const { unifiedWindows: _, ...bare } = allowed;
    expect(known([bare]).status(now).windows).toEqual([
      {
        name: "five_hour",
        utilization: null,
        resetsAt: now + 2 * hour,
        state: "allowed",
        source: "rate_limit_event",
        at: now,
      },
    ]);
  });

  test("keeps the share that was told before, with its age, until it resets", () => {
    const { unifiedWindows: _, ...bare } = allowed;
    const warned = { ...bare, status: "allowed_warning", utilization: 0.92 };
    const limits = known([warned], [bare, { at: now + minute }]);
    expect(limits.status(now + minute).windows).toMatchObject([{ utilization: 0.92, state: "allowed", at: now }]);
    limits.tell({ ...bare, resetsAt: seconds(now + 7 * hour) }, heard({ at: now + 2 * minute }));
    expect(limits.status(now + 2 * minute).windows).toMatchObject([{ utilization: null, at: now + 2 * minute }]);
  });

  test("takes nothing that is older than what it has", () => {
    const older = { ...allowed, unifiedWindows: { five_hour: { ...session, utilization: 0.2 } } };
    expect(known([allowed], [older, { at: now - minute }]).status(now).windows[0]?.utilization).toBe(0.21);
  });

  test("has the graver of the states that are told of it", () => {
    const warning = { ...allowed, unifiedWindows: { five_hour: { ...session, status: "allowed_warning" } } };
    expect(known([warning]).status(now).windows[0]?.state).toBe("allowed_warning");
    const warned = { ...allowed, status: "allowed_warning" };
    expect(known([warned]).status(now).windows[0]?.state).toBe("allowed_warning");
  });
});

describe("a refusal", () => {
  const refusal = (limits: ReturnType<typeof known>, model: string, at = now) =>
    refusalFor(limits.status(at), model, at);
  const weekly = (window: string) => ({
    ...rejected,
    rateLimitType: window,
    resetsAt: week.resetsAt,
    unifiedWindows: {},
  });

  test.each(["five_hour", "seven_day"])("of the window %s is for all models, until it resets", (window) => {
    const limits = known([{ ...rejected, rateLimitType: window }]);
    for (const model of [sonnet, opus]) expect(refusal(limits, model)?.resetsAt).toBe(now + 2 * hour);
    expect(refusal(limits, opus, now + 2 * hour)).toBeNull();
  });

  test("of a family's window is for that family, whoever was refused", () => {
    const limits = known([weekly("seven_day_opus"), { model: opus }]);
    expect(refusal(limits, "claude-opus-4-8")).toMatchObject({ window: "seven_day_opus", resetsAt: now + 80 * hour });
    expect(refusal(limits, sonnet)).toBeNull();
  });

  test.each(["seven_day_overage_included", "overage"])(
    "of the window %s is for the models that were refused",
    (window) => {
      const limits = known([weekly(window), { model: "claude-fable-5-2" }], [weekly(window), { model: opus }]);
      expect(refusal(limits, "claude-fable-5-2")?.models).toEqual(["claude-fable-5-2", opus]);
      expect(refusal(limits, sonnet)).toBeNull();
    },
  );

  test("that resets last counts", () => {
    const limits = known([rejected], [weekly("seven_day")]);
    expect(refusal(limits, sonnet)?.window).toBe("seven_day");
  });

  const none = [
    ["names no reset", { ...rejected, resetsAt: undefined }],
    ["resets at no time that is", { ...rejected, resetsAt: 1e300 }],
    ["has reset", { ...rejected, resetsAt: seconds(now) }],
    ["names no window", { ...rejected, rateLimitType: undefined }],
    ["is of too many requests at once", { ...rejected, rateLimitType: "concurrents" }],
    ["is paid for with extra usage", { ...rejected, isUsingOverage: true }],
    ["may be paid for with extra usage", { ...rejected, overageStatus: "allowed_warning" }],
  ] as const;
  test.each(none)("that %s is none", (_name, info) => {
    expect(known([info]).status(now).refusals).toEqual([]);
  });

  test("is lifted by an answer, and what was said of its window is of no worth any more", () => {
    const limits = known([rejected]);
    limits.answered(heard({ model: opus, at: now + minute }));
    expect(limits.status(now + minute)).toMatchObject({ refusals: [], claim: null });
    expect(limits.status(now + minute).state).not.toBe("rejected");
    expect(limits.status(now + minute).windows.map(({ name }) => name)).not.toContain("five_hour");
  });

  test("is not lifted by an answer that began before it, nor by one of a model that it is not for", () => {
    const limits = known([weekly("seven_day_opus"), { model: opus }]);
    limits.answered(heard({ model: sonnet, at: now + minute }));
    limits.answered(heard({ model: opus, at: now - minute }));
    limits.tell(allowed, heard({ model: opus, at: now - minute }));
    expect(refusal(limits, opus)).not.toBeNull();
    limits.tell(allowed, heard({ model: opus, at: now + minute }));
    expect(refusal(limits, opus)).toBeNull();
  });
});

describe("extra usage", () => {
  const overage = { overageStatus: "rejected", overageDisabledReason: "out_of_credits" };

  test("is unknown, off for a reason, or in use", () => {
    expect(known().status(now).extraUsage).toEqual({ state: "unknown", disabledReason: null, inUse: null });
    expect(known([{ ...allowed, ...overage }]).status(now).extraUsage).toEqual({
      state: "rejected",
      disabledReason: "out_of_credits",
      inUse: false,
    });
    const paid = { ...rejected, isUsingOverage: true, overageStatus: "allowed" };
    expect(known([paid]).status(now).extraUsage).toEqual({ state: "allowed", disabledReason: null, inUse: true });
  });

  test("is unknown again after its own reset", () => {
    const limits = known([{ ...allowed, ...overage, overageResetsAt: seconds(now + hour) }]);
    expect(limits.status(now + hour).extraUsage.state).toBe("unknown");
  });
});

describe("another login", () => {
  test("forgets all, also what an answer under the old one says later", () => {
    const limits = known([rejected]);
    limits.login("two", "pro");
    limits.tell(rejected, heard({ at: now + minute }));
    expect(limits.status(now)).toMatchObject({ windows: [], refusals: [], at: null, subscription: "pro" });
    limits.tell(allowed, heard({ login: "two" }));
    expect(limits.status(now).windows).toHaveLength(2);
  });

  test("is none when the CLI has refreshed it in the answer that told the limits", () => {
    const limits = known([allowed, { login: null }]);
    limits.login("refreshed", null);
    expect(limits.status(now).windows).toHaveLength(2);
    limits.login("another", null);
    expect(limits.status(now).windows).toEqual([]);
  });
});

describe("the CLI's answer to a question", () => {
  const reset = new Date(session.resetsAt * 1000).toISOString();
  const usage = { subscription_type: "max", rate_limits: { five_hour: { utilization: 77, resets_at: reset } } };

  test("is in percent, keeps the state that an event told, and is wanted while there is no figure or an old one", () => {
    const { unifiedWindows: _, ...bare } = allowed;
    const limits = known([bare]);
    expect(limits.wantsFigures(now)).toBe(true);
    limits.tellUsage(usage, heard());
    expect(limits.status(now)).toMatchObject({
      subscription: "max",
      source: "get_usage",
      windows: [{ name: "five_hour", utilization: 0.77, state: "allowed", source: "get_usage" }],
    });
    expect(limits.wantsFigures(now)).toBe(false);
    expect(limits.wantsFigures(now + 5 * minute)).toBe(true);
  });

  const worthless = [
    null,
    7,
    [],
    {},
    { rate_limits: null },
    { rate_limits: { five_hour: { utilization: null, resets_at: reset } } },
    { rate_limits: { five_hour: { utilization: 5, resets_at: "soon" } } },
  ];
  test.each(worthless.map((answer) => [JSON.stringify(answer), answer] as const))(
    "that is %s tells nothing",
    (_text, answer) => {
      const limits = known();
      limits.tellUsage(answer, heard());
      expect(limits.status(now).windows).toEqual([]);
    },
  );
});

const nonsense = [
  undefined,
  null,
  7,
  "allowed",
  [],
  {},
  { status: "fine" },
  { status: "allowed", unifiedWindows: [] },
  { status: "allowed", unifiedWindows: { five_hour: null } },
  { status: "allowed", unifiedWindows: { five_hour: { utilization: 0.5 } } },
  { status: "allowed", unifiedWindows: { "five hour": session } },
  { status: "allowed", rateLimitType: { toString: 1 }, resetsAt: session.resetsAt },
];
test.each(nonsense.map((info) => [JSON.stringify(info), info] as const))(
  "%s says nothing of any window",
  (_text, info) => {
    expect(known([info]).status(now).windows).toEqual([]);
  },
);

test.each([-1, Number.NaN, "0.5", null, {}])("a share of %p is unknown, and never 0", (utilization) => {
  const told = { ...allowed, unifiedWindows: { five_hour: { ...session, utilization } } };
  expect(known([told]).status(now).windows[0]).toMatchObject({ name: "five_hour", utilization: null });
});
