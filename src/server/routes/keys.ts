/** `/api/keys`: the keys of people and devices, and what each may use, for the administrator. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import { periods } from "../../core/periods.ts";
import type { KeyRecord } from "../../core/store.ts";
import { readJsonObject } from "../body.ts";
import { isoTime } from "../iso-time.ts";
import { type LimitChanges, readExpiry, readLimits, readName, refuseRevoked, refuseUnknown } from "../key-fields.ts";
import { viewKey, viewQuota } from "../key-view.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import * as details from "./keys-detail.ts";

/** Bytes. */
const maxBody = 10_000;
const limitFields = [...periods, "tokens"];

export function keyRoutes({ store, engine, clock, log }: AppServices, { quotas }: Turns) {
  const { keys } = store;

  function find(idOrName: string | null): KeyRecord {
    // The router gives null for a badly percent-encoded name, which no key has.
    const key = idOrName === null ? null : keys.find(idOrName);
    if (key) return key;
    throw new OcpError("not_found", "There is no key with this name or id.", { reason: "key_not_found" });
  }
  function findActive(idOrName: string | null): KeyRecord {
    const key = find(idOrName);
    refuseRevoked(key);
    return key;
  }
  function freeName(): string {
    let number = clock();
    while (keys.find(`key-${number}`)) number++;
    return `key-${number}`;
  }
  function setLimits(key: KeyRecord, { requests, tokens }: LimitChanges): KeyRecord {
    let changed = key;
    if (Object.keys(requests).length > 0) changed = keys.setLimits(key.id, "requests", requests);
    if (Object.keys(tokens).length > 0) changed = keys.setLimits(key.id, "tokens", tokens);
    return changed;
  }
  const bodyOf = (request: Request, mayBeEmpty = false) =>
    readJsonObject(request, maxBody, { because: "that a request about keys may have", mayBeEmpty });

  return new Elysia({ name: "keys" })
    .get("/api/keys", () => Response.json({ keys: keys.list().map((key) => viewKey(key, quotas)) }, noStore), {
      detail: details.list,
    })
    .post(
      "/api/keys",
      async ({ request }) => {
        const body = await bodyOf(request, true);
        refuseUnknown(body, ["name", "expiresAt", ...limitFields]);
        const name = readName(body) ?? freeName();
        const expiresAt = readExpiry(body, clock()) ?? null;
        const limits = readLimits(body);
        const { key, secret } = keys.create(name, expiresAt);
        setLimits(key, limits);
        log.info("a key was created", { id: key.id, name: key.name });
        return Response.json({ id: key.id, key: secret, name: key.name }, { status: 201, ...noStore });
      },
      { detail: details.create },
    )
    .get(
      "/api/keys/:idOrName",
      ({ params }) => Response.json({ key: viewKey(find(params.idOrName), quotas) }, noStore),
      { detail: details.show },
    )
    .patch(
      "/api/keys/:idOrName",
      async ({ request, params }) => {
        const body = await bodyOf(request);
        refuseUnknown(body, ["name", "expiresAt"]);
        const name = readName(body);
        const expiresAt = readExpiry(body, clock());
        if (name === undefined && expiresAt === undefined) {
          throw new OcpError("invalid_request", "The request changes nothing: it takes name and expiresAt.");
        }
        let key = findActive(params.idOrName);
        // The name first: it alone can still be refused.
        if (name !== undefined) key = keys.rename(key.id, name);
        if (expiresAt !== undefined) key = keys.setExpiry(key.id, expiresAt);
        log.info("a key was changed", { id: key.id, name: key.name, expiresAt: isoTime(key.expiresAt) });
        return Response.json({ key: viewKey(key, quotas) }, noStore);
      },
      { detail: details.change },
    )
    .delete(
      "/api/keys/:idOrName",
      ({ params }) => {
        const { id, name } = keys.revoke(find(params.idOrName).id);
        // Its conversations wait for nobody any more.
        engine.clearSessions(`key-${id}`);
        log.info("a key was revoked", { id, name });
        return Response.json({ revoked: true, idOrName: params.idOrName });
      },
      { detail: details.revoke },
    )
    .post(
      "/api/keys/:idOrName/rotate",
      ({ params }) => {
        const { key, secret } = keys.rotate(findActive(params.idOrName).id);
        log.info("a key was given a new secret", { id: key.id, name: key.name });
        return Response.json({ id: key.id, key: secret, name: key.name }, noStore);
      },
      { detail: details.rotate },
    )
    .get(
      "/api/keys/:idOrName/quota",
      ({ params }) => {
        const key = find(params.idOrName);
        return Response.json({ keyId: key.id, ...viewQuota(key, quotas) }, noStore);
      },
      { detail: details.quota },
    )
    .patch(
      "/api/keys/:idOrName/quota",
      async ({ request, params }) => {
        const body = await bodyOf(request);
        refuseUnknown(body, limitFields);
        const limits = readLimits(body);
        if (Object.keys({ ...limits.requests, ...limits.tokens }).length === 0) {
          throw new OcpError(
            "invalid_request",
            "The request names no limit: it takes daily, weekly, monthly and tokens.",
          );
        }
        const key = setLimits(findActive(params.idOrName), limits);
        log.info("a quota was changed", { id: key.id, name: key.name, requests: key.requests, tokens: key.tokens });
        return Response.json({ ok: true, idOrName: params.idOrName, quota: viewQuota(key, quotas) }, noStore);
      },
      { detail: details.changeQuota },
    );
}

const noStore = { headers: { "cache-control": "no-store" } };
