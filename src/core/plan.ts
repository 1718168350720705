/** How much of the owner's plan is used, as the model's side last said it. Nothing here is ever asked for. */

import { OcpError } from "./errors.ts";

export type LimitState = "allowed" | "allowed_warning" | "rejected" | "unknown";

/** Where a figure comes from: what the CLI says by itself after an answer, or what it answers when it is asked. */
export type PlanSource = "rate_limit_event" | "get_usage";

export interface PlanWindow {
  /** As the CLI names it: `five_hour`, `seven_day`, `seven_day_opus` ... */
  name: string;
  /** A fraction of the window's limit; null: not known. */
  utilization: number | null;
  /** Epoch ms; null: not known. */
  resetsAt: number | null;
  state: LimitState;
  source: PlanSource;
  /** When the model's side said so, epoch ms. */
  at: number;
}

/** A window that refuses requests until it resets. */
export interface PlanRefusal {
  window: string;
  /** Epoch ms. */
  resetsAt: number;
  /** The models that were refused; null: all are. */
  models: readonly string[] | null;
  /** When the model's side said so, epoch ms. */
  at: number;
}

export interface PlanStatus {
  /** Only what is known: no window that has reset since, and none that nothing was said of. */
  windows: readonly PlanWindow[];
  refusals: readonly PlanRefusal[];
  state: LimitState;
  /** The window that decides; null: not known. */
  claim: string | null;
  extraUsage: {
    state: LimitState;
    /** In the vendor's words; null: none was given. */
    disabledReason: string | null;
    /** Whether requests are paid with it now; null: not known. */
    inUse: boolean | null;
  };
  /** `pro`, `max` ...; null: not known. */
  subscription: string | null;
  /** Of the newest of all this, epoch ms; null: nothing is known. */
  at: number | null;
  source: PlanSource | null;
}

export const unknownPlan: PlanStatus = {
  windows: [],
  refusals: [],
  state: "unknown",
  claim: null,
  extraUsage: { state: "unknown", disabledReason: null, inUse: null },
  subscription: null,
  at: null,
  source: null,
};

/** The windows that all models share; any other is of some models alone. */
export const sharedWindows: ReadonlySet<string> = new Set(["five_hour", "seven_day"]);

/**
 * Whether a window's refusal holds for this model: `seven_day_opus` is of every model with `opus` in its id, and one
 * whose name says no more of the models that were refused.
 */
export function concerns({ window, models }: Pick<PlanRefusal, "window" | "models">, model: string): boolean {
  if (models === null || models.includes(model)) return true;
  const family = familyOf(window);
  return family !== null && model.includes(family);
}

/** What refuses requests for this model longest; null: nothing does. */
export function refusalFor({ refusals }: PlanStatus, model: string, now: number): PlanRefusal | null {
  const open = refusals.filter((refusal) => refusal.resetsAt > now && concerns(refusal, model));
  return open.sort((a, b) => b.resetsAt - a.resetsAt)[0] ?? null;
}

/** `opus` of `seven_day_opus`; null where the name tells no family of models. */
export function familyOf(window: string): string | null {
  return /^seven_day_([a-z]+)$/.exec(window)?.[1] ?? null;
}

function titleOf(window: string | undefined): string {
  switch (window) {
    case "five_hour":
      return "5-hour limit";
    case "seven_day":
      return "weekly limit";
    case "overage":
      return "extra usage limit";
    default: {
      const family = familyOf(window ?? "");
      return family === null ? "usage limit" : `weekly ${capitalised(family)} limit`;
    }
  }
}

export function capitalised(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** Why the session's share is not known, for people; null where it is. */
export function whyUnknown({ windows }: PlanStatus): string | null {
  const session = windows.find(({ name }) => name === "five_hour");
  if (session === undefined) {
    return "The claude CLI tells the plan's limits with an answer, and there was none since the session began.";
  }
  return session.utilization === null
    ? "This version of the claude CLI tells when a limit resets, and how much of it is used only near its end."
    : null;
}

/** The error for a request that a window refuses. `resetsAt` and `now` in epoch ms. */
export function planLimitReached(window: string | undefined, resetsAt: number, now: number): OcpError {
  return new OcpError(
    "plan_limit",
    `The Claude plan's ${titleOf(window)} is reached. It resets at ${new Date(resetsAt).toISOString()}.`,
    { retryAfter: Math.max(1, Math.ceil((resetsAt - now) / 1000)), reason: window ?? "usage_limit" },
  );
}

/** `3d 4h`, `2h 10m`, `5m`, `now` or `unknown`. Epoch ms. */
export function resetsIn(resetsAt: number | null, now: number): string {
  if (resetsAt === null) return "unknown";
  if (resetsAt <= now) return "now";
  const minutes = Math.max(1, Math.floor((resetsAt - now) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24];
  if (days > 0) return `${days}d ${hours}h`;
  return hours > 0 ? `${hours}h ${minutes % 60}m` : `${minutes}m`;
}

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Thu, Nov 26, 7:04 AM` in this machine's time zone, or `unknown`. By hand: Intl takes 40 ms to load. */
export function resetDate(resetsAt: number | null): string {
  if (resetsAt === null) return "unknown";
  const date = new Date(resetsAt);
  const [hours, minutes] = [date.getHours(), String(date.getMinutes()).padStart(2, "0")];
  const time = `${hours % 12 || 12}:${minutes} ${hours < 12 ? "AM" : "PM"}`;
  return `${weekdays[date.getDay()]}, ${months[date.getMonth()]} ${date.getDate()}, ${time}`;
}

/** `42%`, or `unknown`. */
export function percentText(utilization: number | null): string {
  return utilization === null ? "unknown" : `${Math.round(utilization * 100)}%`;
}
