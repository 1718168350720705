/** What an installed CLI can do, by its version. */

export interface Capabilities {
  /** `client_composed` on a user frame keeps `@file` and `/command` plain text (2.1.330; 2.1.197 ignores it). */
  clientComposed: boolean;
}

/** `version` as `claude --version` prints it first: `2.1.330`. One that cannot be read has no capability. */
export function capabilitiesOf(version: string | null): Capabilities {
  return { clientComposed: atLeast(version, [2, 1, 330]) };
}

function atLeast(version: string | null, wanted: readonly number[]): boolean {
  const found = version?.split(".").map(Number) ?? [];
  for (const [i, want] of wanted.entries()) {
    const have = found[i];
    if (have === undefined || Number.isNaN(have)) return false;
    if (have !== want) return have > want;
  }
  return true;
}
