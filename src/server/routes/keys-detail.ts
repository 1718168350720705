/** The descriptions of `/api/keys*` for the API's document. */

import { eachPeriod } from "../../core/periods.ts";
import { type ErrorRow, errorResponses, forbidden, jsonResponse, security, unauthorized } from "../openapi.ts";

const tags = ["Keys"];

const created = { id: 3, key: "ocp_vK2mQ7xTb4LwZ81cVnYrA9fE0hU5sJpX", name: "laptop" };

const key = {
  id: 3,
  keyPreview: "ocp_vK2m...sJpX",
  name: "laptop",
  created_at: "2026-11-22T07:01:12.004Z",
  expires_at: null,
  revoked: false,
  revoked_at: null,
  quota_daily: 50,
  quota_weekly: null,
  quota_monthly: null,
  quota_tokens_daily: null,
  quota_tokens_weekly: null,
  quota_tokens_monthly: 2_000_000,
  used: eachPeriod(() => ({ requests: 12, tokens: 8_990 })),
};

const budget = (daily: number | null) => ({
  daily: { limit: daily, used: 12 },
  weekly: { limit: null, used: 31 },
  monthly: { limit: null, used: 96 },
});
const quotaView = { ...budget(50), tokens: budget(null) };

const limit = { type: "integer", nullable: true, minimum: 0, description: "0: none at all; null: without limit." };
const limits = { daily: limit, weekly: limit, monthly: limit };
const quotaFields = {
  ...limits,
  tokens: {
    type: "object",
    properties: limits,
    additionalProperties: false,
    description: "Input and output together.",
  },
};
const name = { type: "string", pattern: "^[A-Za-z0-9 ._-]{1,64}$" };
const expiresAt = { type: "string", nullable: true, description: "A time or a day (its beginning, UTC); null: never." };

function body(properties: object, examples: Record<string, { summary: string; value: object }>, required = true) {
  const schema = { type: "object", properties, additionalProperties: false };
  return { required, content: { "application/json": { schema: schema as object, examples } } };
}

const whichKey = [
  {
    name: "idOrName",
    in: "path" as const,
    required: true,
    description: "The key's name or its id. A name of digits wins over an id; a revoked key has only its id.",
    schema: { type: "string" as const, example: "laptop" },
  },
];

const invalid: ErrorRow = {
  code: "invalid_request",
  when: "The body cannot be taken; the error names the field.",
  message: "`daily` must be a whole number of at least 0, or null for no limit.",
  param: "daily",
};
const unknown: ErrorRow = {
  code: "not_found",
  when: "There is no such key.",
  message: "There is no key with this name or id.",
};
const taken: ErrorRow = {
  code: "conflict",
  when: "Another key has the name, or the key is revoked.",
  message: 'There is a key named "laptop" already.',
  param: "name",
};
const revoked: ErrorRow = {
  code: "conflict",
  when: "The key is revoked.",
  message: "This key is revoked. Create a new one.",
};
const tooLarge: ErrorRow = {
  code: "body_too_large",
  when: "The body is over 10,000 bytes.",
  message: "The request body is larger than the 10000 bytes that a request about keys may have.",
};
const errors = (...rows: ErrorRow[]) => errorResponses([unauthorized, forbidden, ...rows]);

export const list = {
  tags,
  summary: "All keys",
  description: "Revoked ones too, oldest first. `used` counts the current day, week (from Monday) and month in UTC.",
  security,
  responses: { "200": jsonResponse("The keys, without their secrets.", { keys: [key] }), ...errors() },
};

export const create = {
  tags,
  summary: "Create a key",
  description: "The answer holds the secret, this once: only its hash is kept. Without a name it gets one.",
  security,
  requestBody: body(
    { name, expiresAt, ...quotaFields },
    {
      plain: { summary: "A key", value: { name: "laptop" } },
      limited: {
        summary: "A key with limits",
        value: { name: "tablet", expiresAt: "2099-01-31", daily: 50, tokens: { monthly: 2_000_000 } },
      },
    },
    false,
  ),
  responses: { "201": jsonResponse("The key and its secret.", created), ...errors(invalid, taken, tooLarge) },
};

export const show = {
  tags,
  summary: "One key",
  description: "As the list shows it.",
  security,
  parameters: whichKey,
  responses: { "200": jsonResponse("The key, without its secret.", { key }), ...errors(unknown) },
};

export const change = {
  tags,
  summary: "Rename a key, or change when it expires",
  description: "Changes only what the body names.",
  security,
  parameters: whichKey,
  requestBody: body(
    { name, expiresAt },
    {
      rename: { summary: "Another name", value: { name: "laptop-2" } },
      forever: { summary: "It no longer expires", value: { expiresAt: null } },
    },
  ),
  responses: { "200": jsonResponse("The key as it is now.", { key }), ...errors(invalid, unknown, taken, tooLarge) },
};

export const revoke = {
  tags,
  summary: "Revoke a key",
  description: "For good; what it has used stays. Its name is free again. Its conversations lose their processes.",
  security,
  parameters: whichKey,
  responses: { "200": jsonResponse("Done.", { revoked: true, idOrName: "laptop" }), ...errors(unknown) },
};

export const rotate = {
  tags,
  summary: "Give a key a new secret",
  description: "The old secret is void at once; name, limits and usage stay.",
  security,
  parameters: whichKey,
  responses: { "200": jsonResponse("The key and its new secret.", created), ...errors(unknown, revoked) },
};

export const quota = {
  tags,
  summary: "What a key may use, and has used",
  description:
    "Requests at the top, tokens under `tokens`. Days, weeks (from Monday) and months are those of UTC. Requests that " +
    "failed before they were answered count nothing, nor do answers from the cache.",
  security,
  parameters: whichKey,
  responses: { "200": jsonResponse("The quotas.", { keyId: 3, ...quotaView }), ...errors(unknown) },
};

export const changeQuota = {
  tags,
  summary: "Change what a key may use",
  description:
    "Changes only what the body names, at once. With a limit of tokens one answer may take at most a quarter of it, and " +
    "no more than what is left: longer answers end as if the client had asked for so many tokens at most.",
  security,
  parameters: whichKey,
  requestBody: body(quotaFields, {
    requests: { summary: "50 requests a day", value: { daily: 50 } },
    tokens: {
      summary: "Two million tokens a month, as many requests as that gives",
      value: { daily: null, tokens: { monthly: 2_000_000 } },
    },
  }),
  responses: {
    "200": jsonResponse("The quotas as they are now.", { ok: true, idOrName: "laptop", quota: quotaView }),
    ...errors(invalid, unknown, revoked, tooLarge),
  },
};
