/** `/cache`: what the response cache holds, and its end, for the owner. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import { isOwner } from "../auth.ts";
import type { Exchanges } from "../exchange.ts";
import { errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";
import type { CacheStats, Caching } from "../turns/caching.ts";

export function cacheRoutes({ config }: AppServices, exchanges: Exchanges, caching: Caching) {
  const allow = (request: Request) => {
    if (!isOwner(config, exchanges.of(request).principal)) throw new OcpError("forbidden", refusal);
  };
  return new Elysia({ name: "cache" })
    .get(
      "/cache/stats",
      ({ request }) => {
        allow(request);
        return Response.json(caching.stats());
      },
      {
        detail: {
          ...common,
          summary: "What the response cache holds",
          description:
            "`ttl` is 0 while it is off. `inflight` counts the answers that are being made and could be followed, " +
            "`requesters` the clients that read them.",
          responses: { "200": jsonResponse("Its figures.", example), ...errors },
        },
      },
    )
    .delete(
      "/cache",
      ({ request }) => {
        allow(request);
        return Response.json({ cleared: caching.clear() });
      },
      {
        detail: {
          ...common,
          summary: "Forget all kept answers",
          responses: { "200": jsonResponse("How many there were.", { cleared: 12 }), ...errors },
        },
      },
    );
}

const refusal = "The response cache is the owner's.";
const common = { tags: ["Server"], security };
const errors = errorResponses([
  unauthorized,
  { code: "forbidden", when: "The caller is not the owner.", message: refusal },
]);
const example: CacheStats = {
  entries: 12,
  totalHits: 40,
  sizeBytes: 23_456,
  inflight: 1,
  requesters: 3,
  ttl: 600_000,
  maxBytes: 67_108_864,
};
