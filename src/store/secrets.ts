/** The secrets of keys: how they are made, and what is kept of them. */

import { randomBytes } from "node:crypto";

/** `ocp_` and 32 characters. */
export function newSecret(): string {
  return `ocp_${randomBytes(24).toString("base64url")}`;
}

/** SHA-256; a secret of 192 random bits needs nothing slower. */
export function hashOf(secret: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(secret).digest();
}

/** For people to tell keys apart by. A short secret, which was not made here, would be shown whole. */
export function previewOf(secret: string): string {
  return secret.length < 24 ? "..." : `${secret.slice(0, 8)}...${secret.slice(-4)}`;
}
