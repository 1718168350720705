/** `/settings`: every setting as it is now, and the change of those that a running server takes. */

import { Elysia } from "elysia";
import type { Value } from "../../config/kinds.ts";
import type { SettingState } from "../../config/live.ts";
import { OcpError } from "../../core/errors.ts";
import { renderOpenAiError } from "../../wire/openai-chat/errors.ts";
import { readJsonObject } from "../body.ts";
import { asOcpError } from "../errors.ts";
import type { Exchanges } from "../exchange.ts";
import { errorResponses, forbidden, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";

/** Of a PATCH, in bytes. */
const maxBody = 10_000;

type Result = { ok: true; value: Value | null } | { error: string };

export function settingsRoutes({ settings, log }: AppServices, exchanges: Exchanges) {
  const headers = { "cache-control": "no-store" };
  return new Elysia({ name: "settings" })
    .get("/settings", () => Response.json(settings.list(), { headers }), { detail: readDetail })
    .patch(
      "/settings",
      async ({ request }) => {
        const exchange = exchanges.of(request);
        const wanted = Object.entries(
          await readJsonObject(request, maxBody, { because: "that a change of settings may have" }),
        );
        if (wanted.length === 0) throw new OcpError("invalid_request", "The request names no setting.");

        const change = (key: string, value: unknown): Result => {
          try {
            const now = settings.change(key, value);
            const principal = exchange.principal?.name;
            // A text may be a prompt.
            const to = typeof now === "string" ? undefined : now;
            log.info("setting changed", { requestId: exchange.id, principal, setting: key, reset: value === null, to });
            return { ok: true, value: now };
          } catch (error) {
            return { error: asOcpError(error, log, exchange.id).message };
          }
        };
        const results = wanted.map(([key, value]) => [key, change(key, value)] as const);
        const errors = results.flatMap(([, result]) => ("error" in result ? [result.error] : []));
        const none = errors.length === results.length;
        if (none) exchange.outcome = "invalid_request";
        return Response.json(
          {
            // Commands and clients that know only errors read the sentence there.
            ...(none ? renderOpenAiError(new OcpError("invalid_request", errors.join(" "))) : {}),
            results: Object.fromEntries(results),
            ...(errors.length > 0 ? { errors } : {}),
            current: settings.list(),
          },
          { status: errors.length === 0 ? 200 : none ? 400 : 207, headers },
        );
      },
      { detail: changeDetail },
    );
}

const common = { tags: ["Server"], security };
const timeout: SettingState = {
  value: 120_000,
  type: "number",
  min: 30_000,
  max: 1_800_000,
  unit: "ms",
  desc: "How long an answer may take before it is ended with an error.",
  source: "stored",
  env: "CLAUDE_TIMEOUT",
  default: 600_000,
  live: true,
};
const refused = "cacheTTL is 86400001. It must be a whole number from 0 to 86400000 (ms).";

const readDetail = {
  ...common,
  summary: "All settings as they are now",
  description:
    "`source` says where a value comes from: `flag` and `environment` fix it until the next start, `stored` is a change " +
    "made here, `default` is neither. `live` says whether it may be changed here. Secrets have no value.",
  responses: { "200": jsonResponse("By key.", { timeout }), ...errorResponses([unauthorized, forbidden]) },
};

const changeDetail = {
  ...common,
  summary: "Change settings while the server runs",
  description:
    "Each key is set to its value, or with `null` back to its default, at once and for later starts. 207 when only " +
    "some could be changed, 400 when none could.",
  requestBody: {
    required: true,
    content: {
      "application/json": {
        schema: { type: "object" as const, additionalProperties: true, minProperties: 1 },
        example: { timeout: 120_000, maxPromptChars: null },
      },
    },
  },
  responses: {
    "200": jsonResponse("All were changed.", {
      results: { timeout: { ok: true, value: 120_000 } },
      current: { timeout },
    }),
    "207": jsonResponse("Some were changed.", {
      results: { timeout: { ok: true, value: 120_000 }, cacheTTL: { error: refused } },
      errors: [refused],
      current: { timeout },
    }),
    ...errorResponses([
      { code: "invalid_request", when: "None was changed, or the body is no JSON object.", message: refused },
      unauthorized,
      forbidden,
      {
        code: "body_too_large",
        when: "The body is too large.",
        message: `The request body is larger than the ${maxBody} bytes that a change of settings may have.`,
      },
    ]),
  },
};
