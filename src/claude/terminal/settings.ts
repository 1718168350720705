/** What the operator decides about the interactive mode. */

import type { Effort } from "../../core/conversation.ts";

export interface TerminalSettings {
  home: {
    path: string;
    /** It holds nothing of the owner's: made, and swept, by us. False: OCP_TUI_HOME names it. */
    ours: boolean;
  };
  /** OCP_TUI_CWD: where the CLI believes to work. */
  cwd: string;
  /** For what sessions need on disk while they live. */
  sessions: string;
  /** OCP_TUI_ENTRYPOINT: who says what kind of session it is: the CLI by itself, we, or our own environment. */
  entrypoint: "auto" | "cli" | "off";
  /** OCP_TUI_EFFORT, of requests that name none; `inherit` leaves it to the CLI. */
  effort: Exclude<Effort, "none"> | "inherit";
  /** OCP_TUI_POOL_SIZE. */
  poolSize: number;
}
