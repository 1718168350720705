/**
 * The way in: everything that is decided about a request from its head, before the body is read. Pages of other sites
 * first, then who asks, then what that one may do.
 */

import { OcpError } from "../core/errors.ts";
import type { Principal } from "../core/principal.ts";
import { isPublic, permit } from "./access.ts";
import { type AuthOptions, createIdentify, type Identity, presentedKey } from "./auth.ts";
import { type BrowserSessions, sessionHeader } from "./browser-session.ts";
import type { Browsers } from "./browsers.ts";
import { pathOf } from "./exchange.ts";
import type { Guesses } from "./guesses.ts";
import { allowedMethods, type RoutePattern } from "./methods.ts";

export interface DoorOptions {
  auth: AuthOptions;
  browsers: Browsers;
  guesses: Guesses;
  routes: () => Iterable<RoutePattern>;
  sessions: Pick<BrowserSessions, "principalOf">;
}

export interface Door {
  /**
   * Resolves to who may come in, or to the answer to a question about the door itself (OPTIONS). `address` is the
   * peer's, null when unknown. Throws OcpError forbidden, invalid_api_key or too_many_wrong_keys.
   */
  enter(request: Request, address: string | null): Promise<Identity | Response>;
}

export function createDoor({ auth, browsers, guesses, routes, sessions }: DoorOptions): Door {
  const identify = createIdentify(auth);

  /** Throws when the key may not be looked at now, and else says that it is wrong when that may be told. */
  async function recognise(request: Request, address: string | null): Promise<Identity> {
    const key = presentedKey(request.headers);
    if (key !== null) guesses.check(address, key);
    // A container is a machine of its own, though its connections may come from this one.
    const identity = identify(key, request.headers, browsers.isForContainers(request) ? null : address);
    const signedIn = key === null ? signedInAs(request) : null;
    if (signedIn !== null) return { ...identity, principal: signedIn };
    if (identity.wrongKey) await guesses.wrong(address, request.signal);
    else if (key !== null && (identity.principal !== null || identity.metrics)) guesses.right(address, key);
    return identity;
  }

  /** Whose browser it is. The model's API is for programs, which present a key. Throws OcpError forbidden. */
  function signedInAs(request: Request): Principal | null {
    if (/^\/v1\/(?!models(\/|$))/.test(pathOf(request))) return null;
    const principal = sessions.principalOf(request.headers);
    const changes = request.method !== "GET" && request.method !== "HEAD";
    if (principal !== null && changes && !request.headers.has(sessionHeader)) {
      throw new OcpError("forbidden", `What a browser changes wants the header ${sessionHeader}, beside its cookie.`);
    }
    return principal;
  }

  return {
    async enter(request, address) {
      browsers.check(request, address);
      const { method } = request;
      const path = pathOf(request);
      if (method === "OPTIONS") {
        const allowed = allowedMethods(routes(), path);
        const headers = { allow: allowed.join(", "), ...browsers.grants(request, allowed) };
        if (allowed.length > 0) return new Response(null, { status: 204, headers });
      }
      const identity = await recognise(request, address).catch((error) => {
        // A wrong key shuts nobody out of what is everyone's. It counts there all the same: the answer may tell a right one.
        if (!isPublic(method, path) || !(error instanceof OcpError)) throw error;
        return identify(null, request.headers, address);
      });
      permit(method, path, identity);
      return identity;
    },
  };
}
