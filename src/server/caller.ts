/** The callers that are counted as one where memory and places for bodies are shared out. */

import { isLoopback, neighbourOf } from "../core/address.ts";
import type { Exchange } from "./exchange.ts";

/** Names that many may share: each neighbour that uses one is counted by itself. */
const shared: ReadonlySet<string> = new Set(["remote", "anonymous", "shared"]);

/** A principal, wherever it calls from; of a shared name, and of strangers, the neighbour. */
export function callerOf({ principal, address }: Pick<Exchange, "principal" | "address">): string {
  const id = principal?.id ?? "stranger";
  if (principal !== null && !shared.has(id)) return id;
  return address === null || isLoopback(address) ? id : `${id} ${neighbourOf(address)}`;
}
