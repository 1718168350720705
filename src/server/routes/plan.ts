/** `GET /usage` and `GET /status`: how much of the plan is left, and how the server is. Nothing is asked upstream. */

import { Elysia } from "elysia";
import { humanDuration } from "../../core/duration.ts";
import { OcpError } from "../../core/errors.ts";
import type { PlanSample } from "../../core/store.ts";
import { isAdmin } from "../access.ts";
import { type Exchange, type Exchanges, queryOf } from "../exchange.ts";
import { viewAge, viewLimits, viewPlan } from "../plan-view.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import { isWorking } from "./health.ts";
import { statusDetail, usageDetail } from "./plan-detail.ts";

export function planRoutes(services: AppServices, exchanges: Exchanges, turns: Turns) {
  const { engine, clock, version, store } = services;
  const startedAt = clock();
  const uptime = () => humanDuration(clock() - startedAt);
  const seesAll = ({ principal }: Exchange) => isAdmin(principal);

  return new Elysia({ name: "plan" })
    .get(
      "/usage",
      async ({ request }) => {
        const exchange = exchanges.of(request);
        const seesEverything = seesAll(exchange);
        if (!seesEverything && exchange.principal?.role !== "user") {
          throw new OcpError("forbidden", "The plan's usage is shown to those who have a key of their own.");
        }
        const plan = await engine.plan();
        const now = clock();
        const { total: totalRequests, active: activeRequests, errors, timeouts } = turns.figures.stats();
        const body = seesEverything
          ? {
              status: plan.state,
              ...viewAge(plan, now),
              plan: viewPlan(plan, now),
              proxy: { totalRequests, activeRequests, errors, timeouts, uptime: uptime() },
              models: turns.figures.byModel.models(),
              ...(queryOf(request).get("trend") === "true"
                ? { trend: thinned(store.planSamples.since(now - week)) }
                : {}),
              /** The API's headers, which the CLI does not pass on. */
              _raw: {},
            }
          : { ...viewAge(plan, now), plan: viewLimits(plan, now) };
        return fresh(body);
      },
      { detail: usageDetail },
    )
    .get(
      "/status",
      async ({ request }) => {
        if (!seesAll(exchanges.of(request))) throw new OcpError("forbidden", "The status is the owner's.");
        const [status, plan] = await Promise.all([engine.status(), engine.plan()]);
        const now = clock();
        const { total, active, errors, timeouts } = turns.figures.stats();
        return fresh({
          proxy: {
            status: isWorking(status) ? "ok" : "degraded",
            version,
            uptime: uptime(),
            auth: status.login.problem ?? "ok",
          },
          requests: { total, active, errors, timeouts },
          plan: { status: plan.state, ...viewAge(plan, now), ...viewPlan(plan, now) },
          recentErrors: turns.figures.byModel.failures().map(({ at, code, model, requestId }) => ({
            time: new Date(at).toISOString(),
            message: code,
            model,
            requestId,
          })),
        });
      },
      { detail: statusDetail },
    );
}

const week = 7 * 24 * 3_600_000;
/** More points than a screen has columns say nothing more. */
const points = 500;

/** Evenly, with the last one. */
function thinned(samples: PlanSample[]): PlanSample[] {
  const step = Math.max(1, Math.ceil(samples.length / points));
  return samples.filter((_, at) => (samples.length - 1 - at) % step === 0);
}

function fresh(body: object): Response {
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}
