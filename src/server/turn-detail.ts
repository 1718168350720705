/** What the descriptions of all routes that answer with a turn have in common. */

import { type ErrorRow, unauthorized } from "./openapi.ts";

/** Headers of an answer that say what became of the request. */
export const noteHeaders = {
  "x-ocp-ignored": {
    description: "Parameters of the request that have no effect, and the types of tools that were skipped, if any.",
    schema: { type: "string" as const, example: "seed, tools.web_search" },
  },
  "x-ocp-truncated": {
    description: "How many of the oldest messages were dropped, if `CLAUDE_MAX_PROMPT_CHARS` made that necessary.",
    schema: { type: "integer" as const },
  },
  "x-ocp-cache": {
    description:
      "Only while the response cache is on (`CLAUDE_CACHE_TTL`). `hit`: the answer was kept, or is the one that an " +
      "identical request gets at this moment, and costs nothing. `miss`: it was made. `bypass`: requests of this kind " +
      "are always answered anew.",
    schema: { type: "string" as const, example: "miss" },
  },
  "x-ocp-output-limit": {
    description:
      "How many tokens the answer may have, if the key's quota allows it less than was asked for; an answer that needs " +
      "more ends as one that reached its limit of tokens.",
    schema: { type: "integer" as const },
  },
};

/** The errors of such a route, by status. */
export const turnErrors: ErrorRow[] = [
  {
    code: "invalid_request",
    when: "The request cannot be taken; the error names the field. `context_length_exceeded`: the prompt is too long.",
    message: "messages must have at least one message.",
    param: "messages",
  },
  unauthorized,
  {
    code: "upstream_permission",
    when: "The account may not ask this. `forbidden`: a web page of another site asks.",
    message: "The account may not use this model.",
  },
  {
    code: "model_not_found",
    when: "There is no such model.",
    message: "This model is not in the list.",
    param: "model",
  },
  { code: "slow_request", when: "The body came too slowly.", message: "The request body came too slowly." },
  {
    code: "conflict",
    when: "Another request brings the results of the same tool calls at this moment.",
    message: "Another request has brought these results.",
  },
  {
    code: "body_too_large",
    when: "The body or an image is over its limit.",
    message: "The request body is larger than the 33554432 bytes that CLAUDE_MAX_BODY_SIZE allows.",
  },
  {
    code: "queue_full",
    when: "Too many requests wait here, or the key's quota or the account's plan is used up for now.",
    message: "Too many requests are waiting already. Try again in a moment.",
  },
  { code: "internal", when: "A defect of this server.", message: "Internal error. The server's log tells more." },
  { code: "upstream_failed", when: "The model's side failed.", message: "The model's side failed." },
  {
    code: "not_ready",
    when: "No claude CLI, no login, or the server is shutting down.",
    message: "claude is not logged in on this server.",
  },
  { code: "timeout", when: "The answer took longer than `CLAUDE_TIMEOUT`.", message: "The answer took too long." },
  { code: "overloaded", when: "The model's side is overloaded.", message: "The model's side is overloaded." },
];
