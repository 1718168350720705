/** `/cache`: what the response cache holds, and its end, for the admin. */

import { Elysia } from "elysia";
import type { CacheStats } from "../../core/cached-answer.ts";
import { errorResponses, forbidden, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { Caching } from "../turns/caching.ts";

export function cacheRoutes(caching: Caching) {
  return new Elysia({ name: "cache" })
    .get("/cache/stats", () => Response.json(caching.stats()), {
      detail: {
        ...common,
        summary: "What the response cache holds",
        description:
          "`ttl` is 0 while it is off. `inflight` counts the answers that are being made and could be followed, " +
          "`requesters` the clients that read them.",
        responses: { "200": jsonResponse("Its figures.", example), ...errors },
      },
    })
    .delete("/cache", () => Response.json({ cleared: caching.clear() }), {
      detail: {
        ...common,
        summary: "Forget all kept answers",
        responses: { "200": jsonResponse("How many there were.", { cleared: 12 }), ...errors },
      },
    });
}

const common = { tags: ["Server"], security };
const errors = errorResponses([unauthorized, forbidden]);
const example: CacheStats = {
  entries: 12,
  totalHits: 40,
  sizeBytes: 23_456,
  inflight: 1,
  requesters: 3,
  ttl: 600_000,
  maxBytes: 67_108_864,
};
