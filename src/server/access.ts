/**
 * Who may do what: one row for each route, also for those of whole areas. A route without a row does not run, and an
 * application that has one is not made.
 */

import { OcpError } from "../core/errors.ts";
import type { Principal } from "../core/principal.ts";
import type { Identity } from "./auth.ts";
import { fits, type RoutePattern, segmentsOf } from "./methods.ts";

/**
 * `everyone`; `askers`: whoever may ask the model, in the auth mode `none` anyone; `users`: who has a key of their
 * own or the shared one, and programs on this machine; `admin`; `metrics`: the admin, and OCP_METRICS_KEY.
 */
type Audience = "everyone" | "askers" | "users" | "admin" | "metrics";

/** The method `ALL` stands for every one, `/*` at the end of a path for all below it. The first that fits counts. */
export const rows: ReadonlyArray<readonly [method: string, path: string, audience: Audience]> = [
  ["GET", "/", "everyone"],
  ["GET", "/api/hello", "everyone"],
  ["GET", "/health", "everyone"],
  ["GET", "/swagger", "everyone"],
  ["GET", "/swagger/*", "everyone"],
  ["GET", "/dashboard/session", "everyone"],
  ["POST", "/dashboard/session", "users"],
  ["DELETE", "/dashboard/session", "everyone"],
  ["GET", "/dashboard", "everyone"],
  ["GET", "/dashboard/*", "everyone"],
  ["GET", "/connect", "everyone"],
  ["GET", "/connect/*", "everyone"],

  ["GET", "/v1/models", "askers"],
  ["GET", "/v1/models/:id", "askers"],
  ["POST", "/v1/chat/completions", "askers"],
  ["POST", "/v1/messages", "askers"],
  ["POST", "/v1/messages/count_tokens", "askers"],
  ["GET", "/v1/responses", "askers"],
  ["POST", "/v1/responses", "askers"],
  ["GET", "/v1/responses/:id", "askers"],
  ["DELETE", "/v1/responses/:id", "askers"],
  ["ALL", "/v1/embeddings", "askers"],
  ["ALL", "/v1/completions", "askers"],

  ["GET", "/usage", "users"],
  ["GET", "/api/usage", "users"],
  ["GET", "/api/me", "users"],
  ["GET", "/sessions", "users"],
  ["DELETE", "/sessions", "users"],

  ["ALL", "/status", "admin"],
  ["ALL", "/logs", "admin"],
  ["ALL", "/settings", "admin"],
  ["ALL", "/settings/*", "admin"],
  ["ALL", "/cache", "admin"],
  ["ALL", "/cache/*", "admin"],
  ["ALL", "/api/keys", "admin"],
  ["ALL", "/api/keys/*", "admin"],
  ["GET", "/api/doctor", "admin"],
  ["ALL", "/events", "admin"],
  ["ALL", "/events/*", "admin"],
  ["GET", "/metrics", "metrics"],
];

const table = rows.map(([method, path, audience]) => ({ method, segments: segmentsOf(path), audience }));

/** For what has no row: a path or a method that nothing is at, which strangers do not learn. */
const elsewhere: Audience = "askers";

/** Throws OcpError invalid_api_key for those whom a key would help, and forbidden for the others. */
export function permit(method: string, path: string, identity: Identity): void {
  if (isAmong(audienceOf(method, path) ?? elsewhere, identity)) return;
  const { principal, refusal } = identity;
  if (principal === null || principal.role === "remote") throw new OcpError("invalid_api_key", refusal);
  throw new OcpError("forbidden", forbidden[principal.role === "anonymous" ? "anonymous" : "user"]);
}

const forbidden = {
  anonymous: "The key for guests may ask, and nothing else.",
  user: "This is the administrator's: it wants the admin key.",
};

/** Whether nobody is shut out. */
export function isPublic(method: string, path: string): boolean {
  return audienceOf(method, path) === "everyone";
}

function isAmong(audience: Audience, { principal, metrics }: Identity): boolean {
  if (audience === "everyone") return true;
  if (audience === "metrics") return metrics || isAdmin(principal);
  if (audience === "admin") return isAdmin(principal);
  return principal !== null && (audience === "askers" || principal.role === "user" || isAdmin(principal));
}

export function isAdmin(principal: Principal | null): boolean {
  return principal?.role === "admin";
}

/** Throws when there are routes that no row is about. */
export function demandRows(routes: Iterable<RoutePattern>): void {
  const missing = [...routes].filter(({ method, path }) => audienceOf(method, path) === undefined);
  if (missing.length === 0) return;
  throw new Error(`No row in access.ts: ${missing.map(({ method, path }) => `${method} ${path}`).join(", ")}`);
}

/**
 * Throws when a route runs for others than its row says, which happens if the router should ever read a path in
 * another way than this table does.
 */
export function demandSameRow(method: string, path: string, route: string): void {
  const audience = audienceOf(method, route);
  if (audience === undefined || audience !== audienceOf(method, path)) {
    throw new Error(`${method} ${route} was reached by a path that its row in access.ts does not fit`);
  }
}

function audienceOf(method: string, path: string): Audience | undefined {
  const sought = method === "HEAD" ? "GET" : method;
  const given = segmentsOf(path);
  return table.find((row) => (row.method === "ALL" || row.method === sought) && fits(row.segments, given))?.audience;
}
