/** The quotas of keys on a turn's way: an exhausted key is refused, and what a turn may use is set aside. */

import type { Catalog } from "../../core/catalog.ts";
import type { Conversation } from "../../core/conversation.ts";
import { estimateInputTokens } from "../../core/estimate.ts";
import type { Layer } from "../../core/ports.ts";
import type { Quotas } from "../../core/quota.ts";

/** Refuses a key that has nothing left, before anybody looks whether the answer is in the cache. */
export function checked(quotas: Quotas): Layer {
  return (next) =>
    async function* check(conversation, context) {
      const { keyId } = context.principal;
      if (keyId !== null) quotas.check(keyId);
      yield* next(conversation, context);
    };
}

/** Sets the turn's share aside; its row of usage settles it. Where tokens are limited, the answer is held to its share. */
export function reserved(quotas: Quotas, catalog: Catalog): Layer {
  return (next) =>
    async function* reserve(conversation, context) {
      const { principal, note } = context;
      if (principal.keyId === null) return yield* next(conversation, context);
      const { share, bound } = quotas.reserve(principal.keyId, () => ({
        input: estimateInputTokens(conversation),
        output: conversation.sampling.maxTokens,
        longest: catalog.find(conversation.model)?.maxTokens ?? Number.POSITIVE_INFINITY,
      }));
      note.share = share;
      if (bound?.shortened) note.outputLimit = bound.output;
      yield* next(bound ? heldTo(bound.output, conversation) : conversation, context);
    };
}

function heldTo(maxTokens: number, conversation: Conversation): Conversation {
  return { ...conversation, sampling: { ...conversation.sampling, maxTokens } };
}
