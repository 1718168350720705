/**
 * What is known of the owner's plan limits: told by the CLI after an answer, of every window that the API's headers
 * name (2.1.330) or of the one that decides (2.1.197). Nobody is asked for it. A window is forgotten when it resets,
 * and all of it when another login takes its place.
 */

import {
  concerns,
  type LimitState,
  type PlanRefusal,
  type PlanStatus,
  type PlanWindow,
  sharedWindows,
} from "../core/plan.ts";
import { dateOf, epochOf, recordOf, shareOf, stateOf, textOf, windowNameOf } from "./limit-values.ts";

/** From whom something was heard. */
export interface Heard {
  model: string;
  /** The token of the login that it uses; null: that of whichever login is looked at next. */
  login: string | null;
  /** When the API said so, epoch ms. */
  at: number;
}

export interface Limits {
  /** The CLI's `rate_limit_info`, which may be anything. */
  tell(info: unknown, heard: Heard): void;
  /** The CLI's answer to `get_usage`, which may be anything. */
  tellUsage(answer: unknown, heard: Heard): void;
  /** The API has begun to answer: what refused this model before does so no more. */
  answered(heard: Heard): void;
  /** The login that would be used now, and its subscription where that is known. */
  login(token: string | null, subscription: string | null): void;
  /** Whether a process that can be asked at no cost should be. */
  wantsFigures(now: number): boolean;
  status(now: number): PlanStatus;
  /** All that lasts over a restart. */
  knowledge(): Knowledge;
  restore(knowledge: Knowledge): void;
}

export interface Knowledge {
  windows: KnownWindow[];
  refusals: PlanRefusal[];
  overall: { state: LimitState; claim: string; at: number } | null;
  extra: ExtraUsage | null;
}

/** `at` is the figure's; `toldAt` is when anything was told of the window, epoch ms. */
export type KnownWindow = PlanWindow & { toldAt: number };

type ExtraUsage = PlanStatus["extraUsage"] & { resetsAt: number | null };

/** How old a figure may be, in ms, before a better one is welcome. */
const fresh = 120_000;
const order = [...sharedWindows];
const severity: readonly LimitState[] = ["unknown", "allowed", "allowed_warning", "rejected"];

/** `onChange` is called after anything was learnt or forgotten. */
export function createLimits(onChange: () => void): Limits {
  const windows = new Map<string, KnownWindow>();
  const refusals = new Map<string, PlanRefusal>();
  let overall: Knowledge["overall"] = null;
  let extra: ExtraUsage | null = null;
  /** Whose limits they are; undefined: of whichever login is looked at next. */
  let owner: string | null | undefined;
  let subscription: { found: string | null; told: string | null } = { found: null, told: null };

  const forget = () => {
    windows.clear();
    refusals.clear();
    overall = null;
    extra = null;
    subscription = { ...subscription, told: null };
  };

  /** False when it is said of a login that was replaced meanwhile. */
  const accepts = ({ login }: Heard): boolean => {
    if (login === null) owner = undefined;
    else if (owner === undefined) owner = login;
    return login === null || login === owner;
  };

  const put = (window: PlanWindow) => {
    const before = windows.get(window.name);
    const same = before?.resetsAt === window.resetsAt ? before : undefined;
    if (before && before.toldAt > window.at) return;
    // Usage does not fall before the reset, so an older figure still says something.
    const figure = same && window.utilization === null ? same : window;
    const { utilization, source, at } = figure;
    windows.set(window.name, {
      ...window,
      ...{ utilization, source, at },
      state: same && window.state === "unknown" ? same.state : window.state,
      toldAt: window.at,
    });
  };

  const lift = ({ model, at }: Heard) => {
    for (const [name, refusal] of refusals) {
      if (refusal.at >= at || !concerns(refusal, model)) continue;
      refusals.delete(name);
      // Neither its figure nor its reset can be true any more.
      windows.delete(name);
      if (overall?.claim === name) overall = null;
    }
  };

  const refuse = (window: string, resetsAt: number, { model, at }: Heard) => {
    const before = refusals.get(window);
    const others = before && before.resetsAt > at ? (before.models ?? []) : [];
    const models = sharedWindows.has(window) ? null : [...new Set([...others, model])];
    refusals.set(window, { window, resetsAt, models, at });
  };

  const tellExtra = (told: Record<string, unknown>) => {
    const state = stateOf(told.overageStatus);
    const inUse = told.isUsingOverage === true || told.overageInUse === true;
    const before = extra ?? { state: "unknown", disabledReason: null, resetsAt: null };
    extra =
      state === "unknown"
        ? { ...before, inUse }
        : {
            state,
            disabledReason: textOf(told.overageDisabledReason),
            inUse,
            resetsAt: epochOf(told.overageResetsAt),
          };
  };

  return {
    tell(info, heard) {
      const told = recordOf(info);
      const state = stateOf(told?.status);
      if (told === null || state === "unknown" || !accepts(heard)) return;
      const { at } = heard;
      const claim = windowNameOf(told.rateLimitType);
      const resetsAt = epochOf(told.resetsAt);
      const isAnswered = state !== "rejected" || told.isUsingOverage === true || isOpen(stateOf(told.overageStatus));
      if (isAnswered) lift(heard);
      else if (claim !== null && isQuota(claim) && resetsAt !== null && resetsAt > at) refuse(claim, resetsAt, heard);

      const named = recordOf(told.unifiedWindows) ?? {};
      const source = "rate_limit_event";
      for (const [key, value] of Object.entries(named)) {
        const [name, window] = [windowNameOf(key), recordOf(value)];
        const reset = epochOf(window?.resetsAt);
        if (name === null || window === null || reset === null) continue;
        put({
          name,
          utilization: shareOf(window.utilization),
          resetsAt: reset,
          state: stateOf(window.status),
          source,
          at,
        });
      }
      if (claim !== null && resetsAt !== null) {
        const own = stateOf(recordOf(named[claim])?.status);
        const worse = severity.indexOf(own) > severity.indexOf(state) ? own : state;
        put({ name: claim, utilization: shareOf(told.utilization), resetsAt, state: worse, source, at });
        if (overall === null || overall.at <= at) overall = { state, claim, at };
      }
      tellExtra(told);
      onChange();
    },

    tellUsage(answer, heard) {
      const told = recordOf(answer);
      if (told === null || !accepts(heard)) return;
      subscription = { ...subscription, told: textOf(told.subscription_type) };
      for (const [key, value] of Object.entries(recordOf(told.rate_limits) ?? {})) {
        const [name, window] = [windowNameOf(key), recordOf(value)];
        const resetsAt = dateOf(window?.resets_at);
        const percent = shareOf(window?.utilization);
        if (name === null || resetsAt === null || percent === null) continue;
        put({ name, utilization: percent / 100, resetsAt, state: "unknown", source: "get_usage", at: heard.at });
      }
      onChange();
    },

    answered(heard) {
      if (refusals.size === 0 || !accepts(heard)) return;
      lift(heard);
      onChange();
    },

    login(token, found) {
      const replaced = owner !== undefined && owner !== token;
      owner = token;
      subscription = { ...subscription, found };
      if (!replaced) return;
      forget();
      onChange();
    },

    wantsFigures(now) {
      const session = windows.get("five_hour");
      return session === undefined || session.utilization === null || now - session.at > fresh;
    },

    status(now) {
      const lasts = ({ resetsAt }: { resetsAt: number | null }) => resetsAt === null || resetsAt > now;
      const current = [...windows.values()].filter(lasts).sort(inOrder);
      const decides = current.find(({ name }) => name === overall?.claim);
      const newest = current.toSorted((a, b) => b.at - a.at)[0];
      const paid = extra && lasts(extra) ? extra : null;
      const windowsNow = current.map(({ toldAt: _, ...window }) => ({ ...window, state: effectiveState(window) }));
      return {
        windows: windowsNow,
        refusals: [...refusals.values()].filter(lasts),
        state: decides && overall ? overall.state : worstOf(windowsNow),
        claim: decides?.name ?? null,
        extraUsage: {
          state: paid?.state ?? "unknown",
          disabledReason: paid?.disabledReason ?? null,
          inUse: paid?.inUse ?? null,
        },
        subscription: subscription.found ?? subscription.told,
        at: newest?.at ?? null,
        source: newest?.source ?? null,
      };
    },

    knowledge: () => ({ windows: [...windows.values()], refusals: [...refusals.values()], overall, extra }),
    restore(knowledge) {
      for (const window of knowledge.windows) windows.set(window.name, window);
      for (const refusal of knowledge.refusals) refusals.set(refusal.window, refusal);
      overall = knowledge.overall;
      extra = knowledge.extra;
    },
  };
}

/** Other claims, such as one of too many requests at once, say nothing of the time after this moment. */
function isQuota(claim: string): boolean {
  return sharedWindows.has(claim) || claim.startsWith("seven_day_") || claim === "overage";
}

/** `get_usage` tells how much of a window is used and not its state; one that is not used up refuses nothing. */
function effectiveState({ state, utilization }: PlanWindow): LimitState {
  return state === "unknown" && utilization !== null && utilization < 1 ? "allowed" : state;
}

/** The state of the plan where the window that decides is not known: the worst of the windows that all models share. */
function worstOf(windows: readonly PlanWindow[]): LimitState {
  const states = windows.filter(({ name }) => sharedWindows.has(name)).map(({ state }) => state);
  return severity.findLast((state) => states.includes(state)) ?? "unknown";
}

function isOpen(state: LimitState): boolean {
  return state === "allowed" || state === "allowed_warning";
}

/** Those that all models share first. */
function inOrder(a: PlanWindow, b: PlanWindow): number {
  const [first, second] = [order.indexOf(a.name), order.indexOf(b.name)];
  if (first >= 0 && second >= 0) return first - second;
  return second - first || (a.name < b.name ? -1 : 1);
}
