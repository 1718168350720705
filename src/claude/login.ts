/**
 * Decides with which identity a process starts. Normally that is the scratch home and a token that is good for a
 * while. A login about to expire is the CLI's to refresh: then one process at a time, that of a waiting user's
 * request, runs in the real home, and everybody else waits for it and looks again.
 */

import type { Credential } from "./credentials.ts";
import type { Identity } from "./recipe.ts";

/** A token is not used in its last five minutes: a long answer would outlive it, and the CLI itself refreshes then. */
export const expiryMargin = 5 * 60_000;

export interface Lease {
  identity: Identity;
  /** Null: no credential was found, and the CLI looks for one by itself. */
  credential: Credential | null;
  /** The process may refresh the login before it answers, and must not be killed while it does. */
  mayRefresh: boolean;
  /** To be called once the login is known to be good or bad, and at the end at the latest. Idempotent. */
  settle(): void;
}

export interface Login {
  /** Waits while another process refreshes the login. Rejects with the signal's reason when it aborts. */
  lease(signal: AbortSignal): Promise<Lease>;
  /** What would be used now. */
  look(): Promise<{ state: "ok" | "expiring" | "missing"; credential: Credential | null }>;
}

export interface LoginOptions {
  read: () => Promise<Credential | null>;
  scratchHome: string;
  realHome: string;
  /** OCP_SPAWN_REAL_HOME. */
  alwaysRealHome: boolean;
  /** Epoch ms. */
  now: () => number;
}

export function createLogin({ read, scratchHome, realHome, alwaysRealHome, now }: LoginOptions): Login {
  /** Resolves when the process that may be refreshing has settled. */
  let refreshing: Promise<void> | null = null;

  const stateOf = (credential: Credential | null) => {
    if (credential === null) return "missing";
    const { expiresAt } = credential;
    return expiresAt !== null && expiresAt - now() <= expiryMargin ? "expiring" : "ok";
  };

  return {
    async lease(signal) {
      for (;;) {
        signal.throwIfAborted();
        const credential = await read();
        const state = stateOf(credential);
        if (state === "ok" && credential !== null && !alwaysRealHome) {
          const identity: Identity = { kind: "isolated", home: scratchHome, token: credential.token };
          return { identity, credential, mayRefresh: false, settle: () => {} };
        }
        const identity: Identity = { kind: "real-home", home: realHome };
        if (state !== "expiring") return { identity, credential, mayRefresh: state !== "ok", settle: () => {} };
        if (refreshing === null) {
          const turn = Promise.withResolvers<void>();
          refreshing = turn.promise;
          const settle = () => {
            if (refreshing === turn.promise) refreshing = null;
            turn.resolve();
          };
          return { identity, credential, mayRefresh: true, settle };
        }
        await unlessAborted(refreshing, signal);
      }
    },
    async look() {
      const credential = await read();
      return { state: stateOf(credential), credential };
    },
  };
}

/** Rejects with the signal's reason when it aborts first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
