/** The HTTP application: every route, and around them the request's id and log line, the way in, and errors. */

import { type AnyElysia, Elysia } from "elysia";
import { hostToolsOf, mayUseHostTools } from "../core/host-tools.ts";
import { reasonOf } from "../core/journal.ts";
import { createSeldom } from "../core/seldom.ts";
import { demandRows, demandSameRow } from "./access.ts";
import { createBrowserSessions } from "./browser-session.ts";
import { createBrowsers } from "./browsers.ts";
import { createDoor } from "./door.ts";
import { errorHandling } from "./errors.ts";
import { createExchanges, type Handle, pathOf } from "./exchange.ts";
import { createGuesses } from "./guesses.ts";
import { createLeftovers } from "./leftovers.ts";
import { idleSeconds } from "./listen.ts";
import { createLive } from "./live.ts";
import { pause } from "./pause.ts";
import { createPlanTrend } from "./plan-trend.ts";
import { createRequestMemory } from "./request-memory.ts";
import { absentRoutes } from "./routes/absent.ts";
import { cacheRoutes } from "./routes/cache.ts";
import { chatRoutes } from "./routes/chat.ts";
import { connectRoutes } from "./routes/connect.ts";
import { dashboardRoutes } from "./routes/dashboard.ts";
import { docsRoutes } from "./routes/docs.ts";
import { doctorRoutes } from "./routes/doctor.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { keyRoutes } from "./routes/keys.ts";
import { logRoutes } from "./routes/logs.ts";
import { meRoutes } from "./routes/me.ts";
import { messageRoutes } from "./routes/messages.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { modelRoutes } from "./routes/models.ts";
import { planRoutes } from "./routes/plan.ts";
import { responsesRoutes } from "./routes/responses.ts";
import { rootRoutes } from "./routes/root.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { settingsRoutes } from "./routes/settings.ts";
import { usageRoutes } from "./routes/usage.ts";
import type { AppServices } from "./services.ts";
import { createCaching, epochOf } from "./turns/caching.ts";
import { createPlanGate } from "./turns/plan-gate.ts";
import { createTurns } from "./turns.ts";
import { createUploads } from "./uploads.ts";

export type { AppServices } from "./services.ts";

const MiB = 1024 * 1024;

/** Listens nowhere: `listen` does that, and tests call `handle`. Throws when a route has no row in access.ts. */
export function createApp(services: AppServices): AnyElysia {
  const { config, engine, store, log, clock, demo } = services;
  const exchanges = createExchanges(log, services.newId);
  const seldom = createSeldom(log, () => performance.now());
  const hostTools = hostToolsOf(config);
  const caching = createCaching({
    store: store.cache,
    ttl: () => config.cacheTtl,
    maxBytes: () => config.cacheMaxBytes,
    epoch: () => epochOf(config, demo),
    usesHostTools: (principal) => hostTools !== null && mayUseHostTools(hostTools, principal),
    clock,
    warn: seldom,
  });
  const planGate = createPlanGate({ plan: engine.plan, clock });
  const live = createLive(clock);
  const trend = createPlanTrend({
    plan: engine.plan,
    samples: store.planSamples,
    clock,
    warn: (error) => seldom("the plan's use could not be kept", { problem: reasonOf(error) }),
  });
  const turns = createTurns(services, {
    cache: caching.around,
    planGate,
    live: {
      ...live,
      ended(row) {
        live.ended(row);
        trend.look();
      },
    },
  });
  const sessions = createBrowserSessions({ adminKey: services.adminKey, config, keys: store.keys, now: clock });
  const routes = () => app.routes;
  const browsers = createBrowsers({
    origins: config.corsOrigins ?? [],
    hosts: [config.bind, ...(config.allowedHosts ?? [])],
    hostname: services.hostname,
    interfaces: services.interfaces,
  });
  const door = createDoor({
    auth: { config, adminKey: services.adminKey, store: store.keys, now: clock },
    browsers,
    guesses: createGuesses({ now: () => performance.now(), pause }),
    routes,
    sessions,
  });
  const leftovers = createLeftovers({ bytes: 64 * MiB, time: 10_000, quiet: 1_000, count: 64 });
  const memory = createRequestMemory({
    max: () => config.requestMemory,
    retryAfter: () => config.queueRetryAfter,
    collect: () => Bun.gc(true),
  });
  const uploads = createUploads({
    limits: { count: 256, each: 64 },
    memory,
    exchangeOf: exchanges.of,
    lift: (request, lifted) => app.server?.timeout(request, lifted ? 0 : idleSeconds),
  });
  const described: AnyElysia[] = [
    rootRoutes(),
    connectRoutes(services.releaseUrl),
    healthRoutes(services, exchanges, turns),
    modelRoutes(services.catalog),
    chatRoutes(services, exchanges, turns, uploads),
    responsesRoutes(services, exchanges, turns, uploads, memory),
    messageRoutes(services, exchanges, turns, uploads),
    sessionRoutes(services, exchanges),
    cacheRoutes(caching),
    keyRoutes(services, turns),
    usageRoutes(services, exchanges),
    meRoutes(services, exchanges, turns),
    metricsRoutes(services, turns, memory),
    settingsRoutes(services, exchanges),
    logRoutes(services, exchanges),
    planRoutes(services, exchanges, turns),
    eventRoutes(services, exchanges, turns, live),
    doctorRoutes(services),
  ];

  async function around(request: Request, handle: Handle): Promise<Response> {
    const response = await leftovers.see(request, await handle(request));
    browsers.dress(request, response);
    return response;
  }

  const app: AnyElysia = new Elysia({
    name: "ocp",
    // Bun's own router would pass the hooks by for some requests; and host names may be a single letter.
    systemRouter: false,
    handler: { standardHostname: false },
  })
    .wrap(
      (handle, request) => () => exchanges.observe(request, (request) => around(request, handle as unknown as Handle)),
    )
    .use(errorHandling({ exchanges, log, routes }))
    .onRequest(async ({ request, server }) => {
      const exchange = exchanges.of(request);
      exchange.address = server?.requestIP(request)?.address ?? null;
      const entered = await door.enter(request, exchange.address);
      if (entered instanceof Response) return entered;
      exchange.principal = entered.principal;
      exchange.local = entered.local;
      return undefined;
    })
    .onBeforeHandle({ as: "global" }, ({ request, route }) => demandSameRow(request.method, pathOf(request), route))
    .use(described)
    .use(absentRoutes())
    .use(dashboardRoutes(services, exchanges, sessions))
    .use(docsRoutes(services.version, described));
  demandRows(app.routes);
  return app;
}
