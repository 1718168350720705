/**
 * Writes the usage of every turn, however it ends: exactly once, and before the last event is passed on, so that
 * no client has the end of an answer that is not accounted for.
 */

import { promptChars } from "../../core/chars.ts";
import type { Conversation } from "../../core/conversation.ts";
import type { Journal } from "../../core/journal.ts";
import type { Layer, Log, RequestContext } from "../../core/ports.ts";
import type { UsageRow } from "../../core/store.ts";
import { noUsage, type TurnEvent, type Usage } from "../../core/turn.ts";
import { asOcpError } from "../errors.ts";
import type { Figures } from "./figures.ts";

export interface RecordOptions {
  journal: Journal;
  figures: Pick<Figures, "begin" | "end">;
  log: Log;
  /** Epoch ms. */
  clock: () => number;
  /** Milliseconds of any origin. */
  now: () => number;
}

/** What comes out throws OcpErrors, and on an aborted signal its reason. */
export function recorded({ journal, figures, log, clock, now }: RecordOptions): Layer {
  return (next) =>
    async function* record(conversation, context) {
      const { note, signal, requestId } = context;
      const seen = watch(now);
      let outcome = "client_left";
      let written = false;

      const write = () => {
        if (written) return;
        written = true;
        const row = rowOf(conversation, context, { at: clock(), outcome, ...seen.sums() });
        const hasRow = journal.write(row);
        note.share?.release();
        figures.end(row, hasRow);
      };

      journal.begin();
      figures.begin();
      try {
        for await (const event of next(conversation, context)) {
          seen.add(event);
          if (event.type === "end") {
            outcome = "ok";
            write();
          }
          yield event;
        }
        if (outcome !== "ok") outcome = "upstream_failed";
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        const error = asOcpError(thrown, log, requestId);
        outcome = error.code;
        throw error;
      } finally {
        seen.stop();
        // It goes on without its client, who pays for it all the same.
        if (note.spent && !note.spent.over) note.spent.onOver = write;
        else write();
      }
    };
}

/** What the client gets to see of its answer. */
function watch(now: () => number) {
  const since = now();
  let answerChars = 0;
  let firstMs: number | null = null;
  let totalMs: number | null = null;
  return {
    add(event: TurnEvent) {
      const isContent = event.type === "delta" || (event.type === "block_start" && event.block.type === "tool_use");
      if (isContent) firstMs ??= Math.round(now() - since);
      if (event.type === "delta" && event.delta.type === "text") answerChars += event.delta.text.length;
    },
    stop() {
      totalMs ??= Math.round(now() - since);
    },
    sums() {
      this.stop();
      return { answerChars, firstMs, totalMs: totalMs ?? 0 };
    },
  };
}

type Seen = Pick<UsageRow, "at" | "outcome" | "answerChars" | "firstMs" | "totalMs">;

function rowOf(
  conversation: Conversation,
  { principal, requestId, dialect, note }: RequestContext,
  seen: Seen,
): UsageRow {
  const { spent } = note;
  const tokens = spent?.usage() ?? noUsage;
  const charged = spent?.begun === true;
  return {
    ...seen,
    requestId,
    principalId: principal.id,
    keyId: principal.keyId,
    name: principal.name,
    dialect,
    model: conversation.model,
    tokens,
    promptChars: promptChars(conversation),
    queuedMs: Math.round(note.queuedMs),
    path: spent?.path ?? null,
    reason: spent?.reason ?? null,
    cache: note.cache,
    charged: charged ? { requests: 1, tokens: total(tokens) } : { requests: 0, tokens: 0 },
  };
}

/** `thinking` is a part of `output`. */
function total({ input, cacheRead, cacheWrite, output }: Usage): number {
  return input + cacheRead + cacheWrite + output;
}
