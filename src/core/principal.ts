/** Who asks: the unit of fairness, of process ownership and of usage. */
export interface Principal {
  /** Stable and unique; never a secret: `local`, `remote`, `shared`, `anonymous`, `admin`, or `key-<id>`. */
  id: string;
  /** What people call it: a key's name, else the id. */
  name: string;
  role: Role;
  /** The row of a key that was made for a person or a device; null for all others. */
  keyId: number | null;
}

/**
 * What a caller may do (server/access.ts): `admin` everything; `user`, which is also the shared key and an unnamed
 * caller on this machine, asks and sees its own; `anonymous` and, where no key is wanted, `remote` only ask.
 */
export type Role = "admin" | "user" | "anonymous" | "remote";

/** A principal without a row in the keys. */
export function wellKnown(id: "local" | "remote" | "shared" | "anonymous" | "admin", role: Role): Principal {
  return { id, name: id, role, keyId: null };
}
