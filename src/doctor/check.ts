/** One thing that `ocp doctor` looks at, and what was found. */

export type Level = "ok" | "warning" | "failure" | "unknown";

/** What to do about it, in the order in which to do it. */
export interface Remedy {
  /** What kind of step it is, for agents: `fix_oauth`, `start`, `restart`, `install`, `update` ... */
  kind: string;
  /** What only a person can do or decide. */
  human: string[];
  /** Commands that may be run as they stand. */
  commands: string[];
}

export interface Check {
  id: string;
  level: Level;
  /** One sentence that claims no more than was measured. */
  message: string;
  /** What was measured. No secrets. */
  evidence?: Readonly<Record<string, string | number | boolean | null>>;
  remedy?: Remedy;
}

export type Finding = Omit<Check, "id">;

export const human = (kind: string, ...steps: string[]): Remedy => ({ kind, human: steps, commands: [] });
export const runnable = (kind: string, ...commands: string[]): Remedy => ({ kind, human: [], commands });

/** A word of a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
