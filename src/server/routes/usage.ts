/** `GET /api/usage`: who has used what. One sees one's own; the administrator may ask for everybody's. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import type { UsageQuery } from "../../core/store.ts";
import { type Exchanges, queryOf } from "../exchange.ts";
import type { AppServices } from "../services.ts";
import { readUsageQuery } from "../usage-query.ts";
import { viewCounted, viewHour, viewKeyUsage, viewModelUsage, viewSeries, viewTimes, viewTurn } from "../usage-view.ts";
import { usageDetail } from "./usage-detail.ts";

/** Of so many turns the latencies are told: more would say the same, and take longer. */
const timesWanted = 2_000;
const countedShown = 100;

export function usageRoutes({ store, journal, clock, log }: AppServices, exchanges: Exchanges) {
  return new Elysia({ name: "usage" }).get(
    "/api/usage",
    ({ request }) => {
      const { id: requestId, principal } = exchanges.of(request);
      if (!principal) throw new OcpError("invalid_api_key", "Usage is shown to those whose it is.");
      const { since, until, limit, before, all, filter, of, by } = readUsageQuery(queryOf(request), clock());
      if (all) {
        if (principal.role !== "admin") {
          throw new OcpError("forbidden", "Everybody's usage is shown to the administrator alone.", { param: "all" });
        }
        log.info("everybody's usage was read", { requestId, principal: principal.name });
      }
      journal.catchUp();
      const wanted: UsageQuery = { since, until, principalId: all ? null : principal.id };
      const single = { ...wanted, ...(all && of !== null ? { principalId: of } : {}), ...filter };
      const recent = store.usage.recent(single, limit, before);
      const body = {
        byKey: store.usage.byPrincipal(wanted).map(viewKeyUsage),
        byModel: store.usage.byModel(wanted).map(viewModelUsage),
        timeline: store.usage.timeline(wanted).map(viewHour),
        ...(by === null ? {} : { series: viewSeries(store.usage.series(wanted, by === "key" ? "principal" : by)) }),
        latency: viewTimes(store.usage.times(wanted, timesWanted)),
        recent: recent.map(viewTurn),
        /** The `before` of the next page; null: there is none. */
        nextBefore: recent.length === limit ? (recent.at(-1)?.id ?? null) : null,
        counted: store.usage.counted(single, countedShown).map(viewCounted),
        scope: { self: principal.name, all },
      };
      return Response.json(body, { headers: { "cache-control": "no-store" } });
    },
    { detail: usageDetail },
  );
}
