/** The HTTP application: every route, and around them the request's id and log line, authentication and errors. */

import { type AnyElysia, Elysia } from "elysia";
import { createSeldom } from "../core/seldom.ts";
import { createAuthenticator } from "./auth.ts";
import { errorHandling } from "./errors.ts";
import { createExchanges, type Handle, pathOf } from "./exchange.ts";
import { allowedMethods } from "./methods.ts";
import { absentRoutes } from "./routes/absent.ts";
import { cacheRoutes } from "./routes/cache.ts";
import { chatRoutes } from "./routes/chat.ts";
import { docsRoutes } from "./routes/docs.ts";
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

export type { AppServices } from "./services.ts";

/** Listens nowhere: `listen` does that, and tests call `handle`. */
export function createApp(services: AppServices): AnyElysia {
  const { config, engine, store, log, clock, demo } = services;
  const exchanges = createExchanges(log, services.newId);
  const caching = createCaching({
    store: store.cache,
    ttl: () => config.cacheTtl,
    maxBytes: () => config.cacheMaxBytes,
    epoch: () => epochOf(config, demo),
    hostTools: config.allowedTools !== undefined || config.mcpConfig !== undefined,
    clock,
    warn: createSeldom(log, () => performance.now()),
  });
  const planGate = createPlanGate({ plan: engine.plan, clock });
  const turns = createTurns(services, { cache: caching.around, planGate });
  const { authenticate } = createAuthenticator(config);
  const routes = () => app.routes;
  const described: AnyElysia[] = [
    rootRoutes(),
    healthRoutes(services, exchanges, turns),
    modelRoutes(services.catalog),
    chatRoutes(services, exchanges, turns),
    responsesRoutes(services, exchanges, turns),
    messageRoutes(services, exchanges, turns),
    sessionRoutes(services, exchanges),
    cacheRoutes(services, exchanges, caching),
    keyRoutes(services, turns),
    usageRoutes(services, exchanges),
    meRoutes(services, exchanges, turns),
    metricsRoutes(services, exchanges, turns),
    settingsRoutes(services, exchanges),
    logRoutes(services, exchanges),
    planRoutes(services, exchanges, turns),
  ];

  const app: AnyElysia = new Elysia({
    name: "ocp",
    // Bun's own router would pass the hooks by for some requests; and host names may be a single letter.
    systemRouter: false,
    handler: { standardHostname: false },
  })
    .wrap((handle, request) => () => exchanges.observe(request, handle as unknown as Handle))
    .use(errorHandling({ exchanges, log, routes }))
    .onRequest(({ request, server }) => {
      const path = pathOf(request);
      if (request.method === "OPTIONS") {
        const allowed = allowedMethods(routes(), path);
        if (allowed.length > 0) return new Response(null, { status: 204, headers: { allow: allowed.join(", ") } });
      }
      const address = server?.requestIP(request)?.address ?? null;
      exchanges.of(request).principal = authenticate(request, path, address);
      return undefined;
    })
    .use(described)
    .use(absentRoutes())
    .use(docsRoutes(services.version, described));
  return app;
}
