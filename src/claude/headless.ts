/** Answers through headless processes of the CLI: what runs unless the operator asks for the interactive one. */

import type { HostTools } from "../core/host-tools.ts";
import type { Backend } from "./backend.ts";
import { hostToolsFor } from "./host-tools.ts";
import { createProcesses, type ProcessesOptions } from "./processes.ts";
import { attempt } from "./turn.ts";

export interface HeadlessOptions extends ProcessesOptions {
  /** Null: the operator lets the model use none. */
  hostTools: HostTools | null;
}

export function createHeadless(options: HeadlessOptions): Backend {
  const { now } = options;
  const processes = createProcesses(options);
  return {
    attempt: (one) =>
      attempt({
        ...one,
        hostTools: hostToolsFor(options.hostTools, one.principal, one.conversation),
        processes,
        now,
      }),
    hasRoom: processes.hasRoom,
    bringsProcess: processes.bringsProcess,
    counts: processes.counts,
    memory: processes.memory,
    sessions: processes.sessions,
    clear: processes.clear,
    reconsider: processes.reconsider,
    close: processes.close,
    terminal: () => null,
  };
}
