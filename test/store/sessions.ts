/** The file of kept answers, filled and read as the server does it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createKeptAnswers, type KeptAnswer, type KeptAnswers } from "../../src/claude/kept-answers.ts";
import type { SessionDisk } from "../../src/core/kept-sessions.ts";
import type { Log } from "../../src/core/ports.ts";
import { createSessionDisk } from "../../src/store/sessions.ts";
import { epoch } from "./opened.ts";

const silent: Log = { info() {}, warn() {}, error() {} };

export interface KeptOn {
  /** Epoch ms, hours and bytes; a test may change them. */
  now: number;
  hours: number;
  maxBytes: number;
  gone: string[];
}

/** Answers that are kept in this directory too, for a day by default. */
export function keptIn(directory: string, change: Partial<KeptOn> & { log?: Log; disk?: SessionDisk } = {}) {
  const { log = silent, disk = createSessionDisk({ directory, log, patience: 0 }), ...rest } = change;
  const state: KeptOn = { now: epoch, hours: 24, maxBytes: 10_000_000, gone: [], ...rest };
  const kept = createKeptAnswers({
    hours: () => state.hours,
    maxBytes: () => state.maxBytes,
    disk,
    isGone: (id) => state.gone.includes(id),
    log,
    now: () => state.now,
  });
  return { kept, state };
}

/** Ann's answer of these words, which its fingerprint repeats. */
export function answer(conversationId: string, words: string, change: Partial<KeptAnswer> = {}): KeptAnswer {
  const content = [
    { type: "thinking" as const, thinking: `I think ${words}`, signature: "c2ln" },
    { type: "text" as const, text: words },
    { type: "tool_use" as const, id: `toolu_${words}`, name: "look", input: { words } },
  ];
  const rest = {
    principalId: "ann",
    model: "claude-sonnet-5-5-20260901",
    effort: null,
    at: epoch,
    isFolded: false,
    behind: 0,
  };
  return { ...rest, conversationId, print: words, content, ...change };
}

export const holds = (kept: KeptAnswers, ...prints: string[]) => prints.filter((print) => kept.find("ann", print));

/** The fingerprints in the file, by conversation, in order. */
export function storedIn(directory: string): Record<string, string[]> {
  const file = createSessionDisk({ directory, log: silent }).open();
  try {
    return Object.fromEntries(file.read().map(({ id, answers }) => [id, answers.map(({ print }) => print)]));
  } finally {
    file.close();
  }
}

/** Which of the texts lie in which files of a directory, as `text in file`. */
export function bytesWith(directory: string, texts: readonly string[]): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap(({ name }) => {
      const bytes = readFileSync(join(directory, name));
      return texts.filter((text) => bytes.includes(text)).map((text) => `${text} in ${name}`);
    })
    .sort();
}
