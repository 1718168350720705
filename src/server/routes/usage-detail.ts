/** The description of `GET /api/usage` for the API's document. */

import { startReasons } from "../../core/start-reasons.ts";
import { errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";

const tokens = { input: 310, cache_read: 5_400, cache_write: 1_200, output: 2_080, thinking: 640 };

export const exampleSums = {
  requests: 12,
  successes: 11,
  errors: 1,
  cached: 2,
  tokens,
  total_prompt_chars: 40_210,
  total_response_chars: 6_900,
  total_elapsed_ms: 38_500,
  avg_elapsed_ms: 3_500,
  max_elapsed_ms: 9_120,
};

const reasons = Object.keys(startReasons)
  .map((reason) => `\`${reason}\``)
  .join(", ");

const example = {
  byKey: [
    {
      key_name: "laptop",
      principal: "key-3",
      ...exampleSums,
      first_request: "2026-11-22T07:01:12.004Z",
      last_request: "2026-11-22T18:44:31.120Z",
    },
  ],
  byModel: [{ model: "claude-sonnet-5-5", ...exampleSums }],
  timeline: [
    {
      hour: "2026-11-22T18:00:00.000Z",
      requests: 3,
      prompt_chars: 9_800,
      response_chars: 1_520,
      avg_elapsed_ms: 3_100,
      successes: 3,
      errors: 0,
      cached: 0,
      tokens,
    },
  ],
  recent: [
    {
      id: 4_211,
      key_name: "laptop",
      model: "claude-sonnet-5-5",
      prompt_chars: 3_120,
      response_chars: 540,
      elapsed_ms: 2_900,
      success: true,
      created_at: "2026-11-22T18:44:31.120Z",
      principal: "key-3",
      request_id: "req_9fK2mQ7xTb4LwZ81cVnY",
      dialect: "chat",
      outcome: "ok",
      path: "resumed",
      reason: "evicted",
      cache: "off",
      queued_ms: 0,
      first_ms: 410,
      tokens,
    },
  ],
  latency: {
    turns: 3,
    first: { p50: 410, p95: 1_200, p99: 1_200 },
    whole: { p50: 2_900, p95: 4_100, p99: 4_100 },
  },
  nextBefore: null,
  counted: [
    {
      hour: "2026-11-22T18:00:00.000Z",
      key_name: "laptop",
      principal: "key-3",
      model: "claude-sonnet-5-5",
      outcome: "quota_exceeded",
      cache: "off",
      requests: 4_950,
      first_request: "2026-11-22T18:02:10.006Z",
      last_request: "2026-11-22T18:40:51.733Z",
    },
  ],
  scope: { self: "laptop", all: false },
};

const parameter = (name: string, type: "string" | "integer" | "boolean", description: string, sample?: string) => ({
  name,
  in: "query" as const,
  required: false,
  description,
  schema: { type, ...(sample === undefined ? {} : { example: sample }) },
});

export const usageDetail = {
  tags: ["Usage"],
  summary: "Who has used what",
  description:
    "Your own turns; with `all=true`, which the log tells of, everybody's. Every turn is one row of `recent`, however it ended: " +
    "`outcome` is `ok`, `client_left` or an error's code, `path` the kind of process that answered (null: none did), " +
    `\`reason\` why that was not the process that held the conversation (null: it was), one of ${reasons}. ` +
    "Of turns that no process answered the first 50 of one outcome in an hour have rows (1,000 of all callers); the rest is in `counted` and in every sum. " +
    "Sums of times are those of the turns that were ok, in ms, `latency` is of the last 2,000 that a process answered; `tokens.thinking` is a part of `tokens.output`. A " +
    "parameter that cannot be taken is refused.",
  security,
  parameters: [
    parameter("hours", "integer", "How far back, 1 to 720. [24]"),
    parameter("since", "string", "In place of `hours`: a time, or a day in UTC.", "2026-11-01"),
    parameter("until", "string", "Up to this time, but not at it. [now]", "2026-11-30T12:00:00Z"),
    parameter("limit", "integer", "How many single turns, 1 to 500. [50]"),
    parameter("before", "integer", "Only turns that were recorded before the one of this id: `nextBefore` of a page."),
    parameter("all", "boolean", "Everybody's; for the administrator."),
    parameter("by", "string", "`model` or `key`: also `series`, the hours of each.", "model"),
    parameter("model", "string", "Only single turns of this model."),
    parameter("principal", "string", "With `all=true`, only single turns of this one.", "key-3"),
    parameter("failed", "boolean", "Only single turns that ended with an error."),
  ],
  responses: {
    "200": jsonResponse("The usage.", example),
    ...errorResponses([
      {
        code: "invalid_request",
        when: "A parameter that cannot be taken.",
        message: "`hours` must be a whole number from 1 to 720.",
        param: "hours",
      },
      unauthorized,
      {
        code: "forbidden",
        when: "`all=true` without the admin key, or the anonymous key.",
        message: "Everybody's usage is shown to the administrator alone.",
        param: "all",
      },
    ]),
  },
};
