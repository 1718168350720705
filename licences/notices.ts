/**
 * The licence notices of all that is in the binary. From the source they are collected when they are asked for; a
 * compiled binary has this module replaced by one that holds them (scripts/compile.ts).
 */

export interface Notice {
  name: string;
  version: string;
  /** An SPDX expression. */
  licence: string;
  /** The copyright lines and the licence text. */
  text: string;
}

export async function licenceNotices(): Promise<readonly Notice[]> {
  const { collectNotices } = await import("./collect.ts");
  const { bundledFiles } = await import("./bundled.ts");
  return collectNotices(await bundledFiles());
}
