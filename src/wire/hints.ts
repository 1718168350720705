/** Names that clients give their conversations in the body. They order candidates and prove nothing. */

const maxLength = 256;

/** The hints of the head and those of the body, each once; what is no usable name is left out. */
export function collectHints(fromHead: readonly string[], fromBody: readonly unknown[]): string[] {
  const names = [...fromHead, ...fromBody].filter((hint) => typeof hint === "string" && hint.trim() !== "") as string[];
  return [...new Set(names.map((name) => name.slice(0, maxLength)))];
}
