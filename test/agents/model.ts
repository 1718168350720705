/** The API's part in a whole session: it answers by a script, and keeps what each request would have cost. */

import type { MessagesBody } from "../../src/demo/request.ts";
import type { Scenario } from "../../src/demo/simulator.ts";
import { type CacheUse, createPromptCache } from "../harness/prompt-cache.ts";
import { type BoundOptions, bound, createThinkingBinding } from "../harness/thinking-binding.ts";

/** A request that got an answer. */
export interface Answered {
  body: MessagesBody;
  use: CacheUse;
  /** Names the CLI process that sent it (`markedClaude`); null: it came from the client itself. */
  process: string | null;
}

export interface Model {
  scenario: Scenario;
  readonly answered: readonly Answered[];
  /** All requests for a message, also those that got an error. */
  requests(): number;
  /** The requests with thinking that came back behind another prefix, a line each. */
  refused(): string[];
  /** Forgets the requests so far, but not what the cache holds. */
  reset(): void;
}

/** Sent by `markedClaude` with each of its requests. */
export const processHeader = "x-test-process";

/** `script`: what the model says; answers report the tokens that the cache model counts. */
export function createModel(script: Scenario, options: BoundOptions = {}): Model {
  const cache = createPromptCache();
  const binding = createThinkingBinding();
  let forgotten = 0;
  const answered: Answered[] = [];
  const thinking = bound(binding, script, options);
  return {
    async scenario(request) {
      const { body, path, headers } = request;
      const said = await thinking(request);
      if (!body || path !== "/v1/messages" || !said || !("blocks" in said)) return said;
      const use = cache.ask(body);
      answered.push({ body, use, process: headers[processHeader] ?? null });
      return { ...said, usage: { input: use.fresh, cacheRead: use.read, cacheWrite: use.write, ...said.usage } };
    },
    answered,
    requests: () => binding.checks.length - forgotten,
    refused: () =>
      binding.checks
        .slice(forgotten)
        .flatMap(({ refused: [first, ...more] }, at) =>
          first ? `request ${at + 1}: ${more.length + 1} thoughts, the first since ${first.why}` : [],
        ),
    reset() {
      answered.length = 0;
      forgotten = binding.checks.length;
    },
  };
}
