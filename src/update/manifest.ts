/** The list of releases: what is in it, and whether it is from whom we trust. */

import { verify } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { OcpError } from "../core/errors.ts";

const sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const size = Type.Integer({ minimum: 1, maximum: 1_000_000_000 });

const asset = Type.Object({
  /** Below the manifest's own URL; the binary, gzipped. */
  file: Type.String({ pattern: "^([A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*$", maxLength: 200 }),
  size,
  sha256,
  binary: Type.Object({ size, sha256 }),
});

const release = Type.Object({
  version: Type.String({ pattern: "^\\d{1,5}\\.\\d{1,5}\\.\\d{1,5}(-[0-9A-Za-z.-]{1,40})?$" }),
  /** ISO 8601. */
  date: Type.String({ maxLength: 40 }),
  notes: Type.String({ maxLength: 20_000 }),
  /** The notices of what the binaries hold. Releases of older scripts have none. */
  licences: Type.Optional(Type.Object({ file: asset.properties.file, size, sha256 })),
  /** By platform. */
  assets: Type.Record(Type.String({ pattern: "^[a-z0-9-]{1,40}$" }), asset),
});

const manifest = Type.Object({
  schema: Type.Literal(1),
  /** ISO 8601, when the list was signed. Lists of older release scripts have none. */
  date: Type.Optional(Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,3})?Z$" })),
  releases: Type.Array(release, { maxItems: 1_000 }),
});

export type Asset = Static<typeof asset>;
export type Release = Static<typeof release>;
export type Manifest = Static<typeof manifest>;

export interface ReleaseList {
  /** When it was signed; of a list without a date, that of its newest release. */
  date: Date;
  /** Newest first. */
  releases: Release[];
}

/**
 * The list of releases. `signature`: base64, over the exact bytes. `key`: as `Build.releaseKey`.
 * Throws OcpError upstream_failed with a sentence when the signature or the form is wrong.
 */
export function readManifest(bytes: Uint8Array, signature: string, key: string): ReleaseList {
  const publicKey = { key: Buffer.from(key, "base64"), format: "der", type: "spki" } as const;
  if (!verify(null, bytes, publicKey, Buffer.from(signature.trim(), "base64"))) {
    throw untrusted("The list of releases is not signed by the key that this ocp trusts. Nothing was changed.");
  }
  let found: unknown;
  try {
    found = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw untrusted("The list of releases is no JSON.", cause);
  }
  if (!Value.Check(manifest, found) || Number.isNaN(dateOf(found).getTime())) {
    throw untrusted(
      "The list of releases has another form than this ocp knows. Install the newest with the release server's install script.",
    );
  }
  const releases = [...found.releases].sort((a, b) => Bun.semver.order(b.version, a.version));
  return { date: dateOf(found), releases };
}

function dateOf({ date, releases }: Manifest): Date {
  if (date !== undefined) return new Date(date);
  const dates = releases.map((each) => Date.parse(each.date));
  return new Date(Math.max(0, ...dates.filter((each) => !Number.isNaN(each))));
}

function untrusted(message: string, cause?: unknown): OcpError {
  return new OcpError("upstream_failed", message, { cause });
}

/** The newest that is no preview. */
export function newest(releases: readonly Release[]): Release | null {
  return releases.find(({ version }) => !version.includes("-")) ?? null;
}
