/** The one place where what was thrown becomes a response. */

import { Elysia } from "elysia";
import { describeDefect } from "../core/defect.ts";
import { OcpError } from "../core/errors.ts";
import type { Log } from "../core/ports.ts";
import { type ErrorDialect, errorDialectOf } from "./dialect.ts";
import { type Exchanges, pathOf } from "./exchange.ts";
import { allowedMethods, type RoutePattern } from "./methods.ts";

/** The status that logs show for a client that did not wait for its answer; nobody receives it. */
export const clientLeft = 499;

export interface ErrorHandlingOptions {
  exchanges: Exchanges;
  log: Log;
  /** Asked when a path matches no route, to tell a wrong method from a wrong path. */
  routes: () => Iterable<RoutePattern>;
}

export function errorHandling({ exchanges, log, routes }: ErrorHandlingOptions) {
  return new Elysia({ name: "errors" }).onError({ as: "global" }, ({ code, error, request }) => {
    const exchange = exchanges.of(request);
    const dialect = errorDialectOf(request);
    if (request.signal.aborted) {
      exchange.outcome = "client_left";
      return new Response(null, { status: clientLeft });
    }
    if (code === "NOT_FOUND") {
      const refusal = noRoute(routes(), request.method, pathOf(request));
      exchange.outcome = refusal.error.code;
      return errorResponse(refusal.error, dialect, exchange.id, refusal.headers);
    }
    const known = asOcpError(error, log, exchange.id);
    exchange.outcome = known.code;
    return errorResponse(known, dialect, exchange.id);
  });
}

function errorResponse(
  error: OcpError,
  dialect: ErrorDialect,
  requestId: string,
  headers: Record<string, string> = {},
): Response {
  const own: Record<string, string> = { ...headers, ...dialect.headers(error) };
  if (error.retryAfter !== undefined) own["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfter)));
  if (error.code === "invalid_api_key") own["www-authenticate"] = "Bearer";
  return Response.json(dialect.body(error, requestId), { status: error.status, headers: own });
}

/** Anything but an OcpError is a defect: where it was goes to the log, its text, which may hold anything, nowhere. */
export function asOcpError(error: unknown, log: Log, requestId: string): OcpError {
  if (error instanceof OcpError) return error;
  log.error("internal error", { requestId, ...describeDefect(error) });
  return new OcpError("internal", `Internal error. The server's log tells more under ${requestId}.`, { cause: error });
}

function noRoute(routes: Iterable<RoutePattern>, method: string, path: string) {
  const patterns = [...routes];
  const allowed = allowedMethods(patterns, path);
  if (allowed.length > 0 && !allowed.includes(method)) {
    const allow = allowed.join(", ");
    const error = new OcpError("method_not_allowed", `This path takes ${allow}, not ${method}.`);
    return { error, headers: { allow } };
  }
  const meant = [`/v1${path}`, path.replace(/^\/v1\/v1\//, "/v1/")].find(
    (other) => other !== path && allowedMethods(patterns, other).length > 0,
  );
  return { error: new OcpError("not_found", `There is nothing at this path. ${hintFor(meant)}`), headers: {} };
}

function hintFor(meant: string | undefined): string {
  if (meant === undefined) return "/swagger lists what there is.";
  if (meant.startsWith("/v1/messages")) return "Clients of Anthropic's API want the base URL without /v1.";
  return "The API's base URL ends in /v1, once.";
}
