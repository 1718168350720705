/** What a release wrote into the binary (scripts/release.ts); a plain build has the version alone. */

import { version } from "../../package.json";

export interface Build {
  version: string;
  /** The platform as releases name it, such as `linux-arm64-musl`. */
  target: string | null;
  /** Where releases are, when OCP_UPDATE_URL does not say. */
  releaseUrl: string | null;
  /** The Ed25519 key that signs them: SPKI, DER, base64. */
  releaseKey: string | null;
  /** ISO 8601, of the list of releases that this release came with: an older list is a replayed one. */
  releaseDate: string | null;
}

/** Defined by the compiler; what it stands for is nowhere in the environment, which must not choose whom we trust. */
declare const OCP_BUILD: Build | undefined;

export const build: Build =
  typeof OCP_BUILD === "undefined"
    ? { version, target: null, releaseUrl: null, releaseKey: null, releaseDate: null }
    : OCP_BUILD;
