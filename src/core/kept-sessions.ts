/** Conversations that may come back, as they are listed, and as a file keeps them over a restart. Times are epoch ms. */

import type { StartReason, Usage } from "./turn.ts";

/** A conversation that has a process, or that a new process could go on with. */
export interface KeptConversation {
  /** `SessionInfo.id`; unique over restarts. */
  id: string;
  principalId: string;
  model: string;
  messages: number;
  turns: number;
  since: number;
  usedAt: number;
  /** Why no process holds it; null while one does. */
  ended: StartReason | null;
  /** Tokens of all its turns. */
  usage: Pick<Usage, "input" | "cacheRead" | "cacheWrite" | "output">;
  /** The fingerprint of all its messages. */
  head: string;
}

export interface StoredAnswer {
  /** Unique in the file; a conversation's later answer has the greater one. */
  id: number;
  print: string;
  model: string;
  at: number;
  /** JSON in UTF-8. */
  content: Uint8Array;
}

export interface StoredConversation {
  id: string;
  principalId: string;
  usedAt: number;
  /** Null: only its answers are known. */
  note: KeptConversation | null;
}

/**
 * A conversation with the answers that it gained and lost since it was last written, one that loses some because it is
 * being forgotten, or one that is forgotten with what it still has.
 */
export type SessionChange =
  | { put: StoredConversation; added: readonly StoredAnswer[]; released: readonly number[] }
  | { release: string; answers: readonly number[] }
  | { remove: string };

/** Throws OcpError not_ready when the disk, another program or the file itself is in the way. */
export interface SessionFile {
  /** In the order of their last use, the latest at the end; their answers in order. */
  read(): Array<StoredConversation & { answers: StoredAnswer[] }>;
  /** All or nothing. What is removed or released, and held by no other conversation, is then in no byte of the file. */
  write(changes: readonly SessionChange[]): void;
  /** Deletes damaged files that were last written before `at`, and removes what another reader kept in the file's log. */
  tidy(at: number): void;
  close(): void;
}

/** Where such a file lies; `src/store` fulfils it with SQLite. Throws as the file does. */
export interface SessionDisk {
  /** Makes the file where there is none; a damaged one is set aside, and the log says so. */
  open(): SessionFile;
  /** Deletes the file, and damaged ones, if there are any. */
  remove(): void;
}
