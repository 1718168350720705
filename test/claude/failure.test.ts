/** Failures of a turn: each has a sentence for the log that quotes nothing. */

import { expect, test } from "bun:test";
import { failureOf } from "../../src/claude/failure.ts";
import type { ResultFrame } from "../../src/claude/protocol.ts";

const quoted = "the prompt says hunter2";
const failure = (change: object) =>
  failureOf(
    { type: "result", subtype: "success", result: `API Error: 400 ${quoted}`, ...change } as unknown as ResultFrame,
    null,
    0,
  );

const cases: Array<[name: string, change: object]> = [
  ...[400, 401, 403, 404, 413, 422, 429, 500, 503, 504, 529].map((status): [string, object] => [
    `status ${status}`,
    { api_error_status: status },
  ]),
  ["no status", {}],
  ["no status and a reason", { subtype: "error_during_execution", terminal_reason: "aborted_streaming" }],
  ["an image that is refused", { terminal_reason: "image_error" }],
];

test.each(cases)("%s has a whole sentence for the log, without what the API said", (_name, change) => {
  const { forLog } = failure(change);
  expect(forLog).toMatch(/^[A-Z].{10,}\.$/);
  expect(forLog).not.toContain("hunter2");
});

test.each([
  ["Connection refused \u2014 a firewall or proxy may be blocking it (ECONNREFUSED)", "ECONNREFUSED"],
  ["Can't reach the API server \u2014 check your internet or DNS (ENOTFOUND)", "ENOTFOUND"],
  ["Unable to connect to API (ConnectionRefused)", "ConnectionRefused"],
  ["Unable to connect to API (FailedToOpenSocket)", "FailedToOpenSocket"],
])("%s names what the system said", (result, name) => {
  expect(failure({ result })).toMatchObject({
    code: "upstream_failed",
    message: `The claude CLI cannot reach Anthropic's API (${name}).`,
  });
});

test.each(["It broke (hunter2)", "connect (a) (hunter2)", "connect (not one word)"])(
  "%s is no failed connection: its last word may be of the prompt",
  (result) => {
    expect(failure({ result }).forLog).toBe("The claude CLI ended the turn: success.");
  },
);
