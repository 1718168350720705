/** The descriptions of `/usage` and `/status`. */

import { type ErrorRow, errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";
import { viewAge, viewPlan } from "../plan-view.ts";

const forbidden: ErrorRow = {
  code: "forbidden",
  when: "The key may not see this.",
  message: "The status is the owner's.",
};

const now = Date.UTC(2026, 10, 26, 10);
const minute = 60_000;
const told = { source: "rate_limit_event", at: now - 2 * minute } as const;
const plan = {
  windows: [
    { name: "five_hour", utilization: 0.42, resetsAt: now + 130 * minute, state: "allowed", ...told },
    { name: "seven_day", utilization: 0.17, resetsAt: now + 4_560 * minute, state: "allowed", ...told },
  ],
  refusals: [],
  state: "allowed",
  claim: "five_hour",
  extraUsage: { state: "rejected", disabledReason: "org_level_disabled", inUse: false },
  subscription: "max",
  ...told,
} as const;
const view = viewPlan(plan, now, () => "Thu, Nov 26, 12:10 PM");

export const usageDetail = {
  tags: ["Usage"],
  summary: "How much of the plan is used",
  description:
    "What the `claude` CLI said of the plan's windows after its last answers: nobody is asked for it, and it costs " +
    "nothing. `fetchedAt` is when it was said, `age` the milliseconds since. What is not known is null or `unknown`, " +
    "and so is a window that has reset since. Keys other than the admin's see `fetchedAt`, `age`, `source`, " +
    "`plan.currentSession` and `plan.weeklyLimits`.",
  security,
  responses: {
    "200": jsonResponse("The plan's windows, and what this server has done.", {
      status: plan.state,
      ...viewAge(plan, now),
      plan: view,
      proxy: { totalRequests: 42, activeRequests: 1, errors: 1, timeouts: 0, uptime: "3h 12m" },
      models: {
        "claude-sonnet-5-5": {
          requests: 42,
          successes: 41,
          errors: 1,
          timeouts: 0,
          avgElapsed: 4_200,
          maxElapsed: 31_000,
          avgPromptChars: 12_400,
          maxPromptChars: 88_000,
        },
      },
      _raw: {},
    }),
    ...errorResponses([unauthorized, forbidden]),
  },
};

export const statusDetail = {
  tags: ["Server"],
  summary: "The server, its requests, the plan and the last errors, for the owner",
  description: "As `/usage`, it asks nobody upstream.",
  security,
  responses: {
    "200": jsonResponse("The state.", {
      proxy: { status: "ok", version: "4.0.0", uptime: "3h 12m", auth: "ok" },
      requests: { total: 42, active: 1, errors: 1, timeouts: 0 },
      plan: { status: plan.state, ...viewAge(plan, now), ...view },
      recentErrors: [
        {
          time: new Date(now).toISOString(),
          message: "plan_limit",
          model: "claude-sonnet-5-5",
          requestId: "req_9fK2mQ7xTb4LwZ81cVnY",
        },
      ],
    }),
    ...errorResponses([unauthorized, forbidden]),
  },
};
