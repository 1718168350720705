/** The tools of one attempt with their hashes: many processes are asked whether they serve them, and tools may be long. */

import type { Tool } from "../core/conversation.ts";

export interface ToolSet {
  readonly tools: readonly Tool[];
  /** The hash of each tool by its name. */
  hashes(): ReadonlyMap<string, string>;
  /** One hash of all, whatever their order. */
  signature(): string;
}

/** Hashes when it is first asked to, and once. */
export function createToolSet(tools: readonly Tool[]): ToolSet {
  let hashes: ReadonlyMap<string, string> | null = null;
  let signature: string | null = null;
  const hashesOf = () => {
    hashes ??= new Map(tools.map((tool) => [tool.name, hashOf([tool.name, tool.description, tool.inputSchema])]));
    return hashes;
  };
  return {
    tools,
    hashes: hashesOf,
    signature() {
      signature ??= hashOf([...hashesOf()].sort(([a], [b]) => (a < b ? -1 : 1)));
      return signature;
    },
  };
}

function hashOf(value: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(value)).digest("base64url");
}
