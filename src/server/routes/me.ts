/** `GET /api/me`: who the caller is, what is left to it, and what it has used today. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import { dayOf, eachPeriod } from "../../core/periods.ts";
import { keyById, type Standing } from "../../core/quota.ts";
import type { UsageSums } from "../../core/store.ts";
import { noUsage } from "../../core/turn.ts";
import type { Exchanges } from "../exchange.ts";
import { isoTime } from "../iso-time.ts";
import { errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import { viewModelUsage, viewSums } from "../usage-view.ts";
import { exampleSums } from "./usage-detail.ts";

export function meRoutes({ store, journal, clock }: AppServices, exchanges: Exchanges, { quotas }: Turns) {
  return new Elysia({ name: "me" }).get(
    "/api/me",
    ({ request }) => {
      const { principal } = exchanges.of(request);
      if (!principal) throw new OcpError("invalid_api_key", "The server tells this to who presents a key.");
      const { id, name, role, keyId } = principal;
      const now = clock();
      const key = keyId === null ? null : keyById(store.keys, keyId);
      const standing = key && quotas.standing(key);
      journal.catchUp();
      const own = { since: dayOf(now), until: now + 1, principalId: id };
      const body = {
        principal: id,
        name,
        role,
        expiresAt: isoTime(key?.expiresAt ?? null),
        quota: standing && { ...viewStanding(standing.requests), tokens: viewStanding(standing.tokens) },
        today: {
          ...viewSums(store.usage.byPrincipal(own)[0] ?? nothing),
          byModel: store.usage.byModel(own).map(viewModelUsage),
        },
      };
      return Response.json(body, { headers: { "cache-control": "no-store" } });
    },
    { detail },
  );
}

function viewStanding(standing: Standing) {
  return eachPeriod((period) => {
    const { limit, used, resetsAt } = standing[period];
    return { limit, used, resetsAt: isoTime(resetsAt) };
  });
}

const nothing: UsageSums = {
  requests: 0,
  ok: 0,
  errors: 0,
  cached: 0,
  tokens: noUsage,
  promptChars: 0,
  answerChars: 0,
  totalMs: 0,
  maxMs: 0,
};

const budget = { limit: 50, used: 12, resetsAt: "2026-11-23T00:00:00.000Z" };
const unlimited = { limit: null, used: 12, resetsAt: "2026-12-01T00:00:00.000Z" };

const detail = {
  tags: ["Usage"],
  summary: "Who you are, what is left to you, what you have used today",
  description:
    "`quota` is null for whoever has no key of its own. Days, weeks (from Monday) and months are those of UTC. Times " +
    "are in ms, `tokens.thinking` is a part of `tokens.output`.",
  security,
  responses: {
    "200": jsonResponse("The caller.", {
      principal: "key-3",
      name: "laptop",
      role: "user",
      expiresAt: null,
      quota: {
        daily: budget,
        weekly: unlimited,
        monthly: unlimited,
        tokens: { daily: unlimited, weekly: unlimited, monthly: unlimited },
      },
      today: { ...exampleSums, byModel: [{ model: "claude-sonnet-5-5", ...exampleSums }] },
    }),
    ...errorResponses([
      unauthorized,
      { code: "forbidden", when: "The anonymous key only asks.", message: "The anonymous key may only ask." },
    ]),
  },
};
