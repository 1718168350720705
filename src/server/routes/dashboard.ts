/** `/dashboard`: the page, from assets inside the binary alone, and the session of the browser that shows it. */

import { Elysia } from "elysia";
import { type Asset, dashboardAssets } from "../../../dashboard/assets.ts";
import { OcpError } from "../../core/errors.ts";
import type { Principal } from "../../core/principal.ts";
import { presentedKey } from "../auth.ts";
import type { BrowserSessions } from "../browser-session.ts";
import type { Exchanges } from "../exchange.ts";
import type { AppServices } from "../services.ts";

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const hidden = { detail: { hide: true } };

export function dashboardRoutes({ version }: AppServices, exchanges: Exchanges, sessions: BrowserSessions) {
  let prepared: Promise<Map<string, Served>> | null = null;
  const prepare = () => {
    prepared ??= dashboardAssets().then(
      (assets) => new Map(assets.map((asset) => [asset.path, serve(asset, version)] as const)),
    );
    return prepared;
  };
  const send = async (name: string, request: Request) => {
    const asset = (await prepare()).get(name);
    if (asset === undefined) throw new OcpError("not_found", "There is no such page.");
    return asset(request);
  };
  const secure = (request: Request) => request.headers.get("x-forwarded-proto") === "https";
  const answer = (body: object, cookie: string | null) =>
    Response.json(body, {
      headers: { ...(cookie === null ? {} : { "set-cookie": cookie }), "cache-control": "no-store" },
    });

  return new Elysia({ name: "dashboard" })
    .get("/dashboard", ({ request }) => send("index.html", request), hidden)
    .get(
      "/dashboard/session",
      ({ request }) => {
        const { principal } = exchanges.of(request);
        const { id = null, name = null, role = null } = canSee(principal) ? (principal ?? {}) : {};
        return Response.json({ principal: id, name, role }, { headers: { "cache-control": "no-store" } });
      },
      hidden,
    )
    .get("/dashboard/:file", ({ request, params }) => send(params.file ?? "", request), hidden)
    .post(
      "/dashboard/session",
      ({ request }) => {
        const { principal } = exchanges.of(request);
        if (principal === null) throw new OcpError("invalid_api_key", "To sign in, a key is sent as a Bearer.");
        const { id, name, role } = principal;
        // Whoever is let in without a key needs no session.
        const cookie = presentedKey(request.headers) === null ? null : sessions.begin(principal, secure(request));
        if (cookie === null && presentedKey(request.headers) !== null && id !== "local") {
          throw new OcpError("invalid_api_key", "This key begins no session.");
        }
        return answer({ principal: id, name, role }, cookie);
      },
      hidden,
    )
    .delete("/dashboard/session", ({ request }) => answer({ ok: true }, sessions.end(secure(request))), hidden);
}

/** Whoever only asks has nothing to look at. */
function canSee(principal: Principal | null): boolean {
  return principal?.role === "admin" || principal?.role === "user";
}

type Served = (request: Request) => Response;

/** Compressed once. What has not changed is not sent again: the tag is of the content. */
function serve({ type, text }: Asset, version: string): Served {
  const packed = Bun.gzipSync(Buffer.from(text), { level: 9 });
  const tag = `"${version}-${Bun.hash(text).toString(36)}"`;
  const headers = {
    "content-type": type,
    "cache-control": "no-cache",
    etag: tag,
    vary: "accept-encoding",
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  return (request) => {
    if (request.headers.get("if-none-match") === tag) return new Response(null, { status: 304, headers });
    const takesGzip = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
    return takesGzip
      ? new Response(packed, { headers: { ...headers, "content-encoding": "gzip" } })
      : new Response(Bun.gunzipSync(packed), { headers });
  };
}
