/** What the turns since the start add up to by model, and which failed last: for `/usage` and `/status`. */

import type { Catalog } from "../../core/catalog.ts";
import type { UsageRow } from "../../core/store.ts";

/** What is counted of a turn that has ended, however it did. */
export type EndedTurn = Pick<UsageRow, "at" | "requestId" | "model" | "outcome" | "totalMs" | "promptChars">;

export interface ModelRow {
  requests: number;
  successes: number;
  /** Clients that left are none. */
  errors: number;
  timeouts: number;
  /** Ms, of the successes; null: there is none yet. */
  avgElapsed: number | null;
  maxElapsed: number | null;
  /** Characters, of all requests. */
  avgPromptChars: number;
  maxPromptChars: number;
}

export interface FailedTurn {
  /** Epoch ms. */
  at: number;
  requestId: string;
  model: string;
  /** The code of an OcpError. */
  code: string;
}

export interface ModelFigures {
  /** `isListed`: it may be among the failures that are told of. */
  end(turn: EndedTurn, isListed: boolean): void;
  /** By canonical id, in the order of their first request; what is not in the list of models is `other`. */
  models(): Record<string, ModelRow>;
  /** The last few, newest first. */
  failures(): FailedTurn[];
}

const failuresKept = 3;

interface Sums {
  requests: number;
  successes: number;
  errors: number;
  timeouts: number;
  elapsed: number;
  maxElapsed: number;
  chars: number;
  maxChars: number;
}

export function createModelFigures(catalog: Catalog): ModelFigures {
  const byModel = new Map<string, Sums>();
  let failures: FailedTurn[] = [];

  const sumsOf = (model: string): Sums => {
    const none = {
      requests: 0,
      successes: 0,
      errors: 0,
      timeouts: 0,
      elapsed: 0,
      maxElapsed: 0,
      chars: 0,
      maxChars: 0,
    };
    const sums = byModel.get(model) ?? none;
    byModel.set(model, sums);
    return sums;
  };

  return {
    end({ at, requestId, model: asked, outcome, totalMs, promptChars }, isListed) {
      const model = catalog.nameOf(asked);
      const sums = sumsOf(model);
      sums.requests++;
      sums.chars += promptChars;
      sums.maxChars = Math.max(sums.maxChars, promptChars);
      if (outcome === "ok") {
        sums.successes++;
        sums.elapsed += totalMs;
        sums.maxElapsed = Math.max(sums.maxElapsed, totalMs);
      } else if (outcome !== "client_left") {
        sums.errors++;
        if (outcome === "timeout") sums.timeouts++;
        if (isListed) failures = [{ at, requestId, model, code: outcome }, ...failures].slice(0, failuresKept);
      }
    },
    models: () => Object.fromEntries([...byModel].map(([model, sums]) => [model, rowOf(sums)])),
    failures: () => [...failures],
  };
}

function rowOf({ requests, successes, errors, timeouts, elapsed, maxElapsed, chars, maxChars }: Sums): ModelRow {
  return {
    requests,
    successes,
    errors,
    timeouts,
    avgElapsed: successes === 0 ? null : Math.round(elapsed / successes),
    maxElapsed: successes === 0 ? null : Math.round(maxElapsed),
    avgPromptChars: Math.round(chars / requests),
    maxPromptChars: maxChars,
  };
}
