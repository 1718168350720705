/** What a log may say of an error that nobody expected: its text may repeat a prompt or a secret, its place cannot. */

export type Defect = {
  /** The error's name, and the system's code if it has one. */
  defect: string;
  /** What was evaluated, where the engine says so: code of ours, no data. */
  evaluating: string | undefined;
  /** The places that it came through, the innermost first. */
  at: string[];
};

const deepest = 12;

export function describeDefect(error: unknown): Defect {
  if (!(error instanceof Error)) return { defect: `a thrown ${typeof error}`, evaluating: undefined, at: [] };
  const { code } = error as { code?: unknown };
  const name = error.name.slice(0, 60);
  // A message may have lines that look like places; the places come after all of it.
  const stack = (error.stack ?? "").replace(error.message, "");
  const at = [...stack.matchAll(/^[ \t]{1,20}at (.{1,300})$/gm)].map(([, place]) => place as string);
  return {
    defect: typeof code === "string" && /^[A-Z_]{1,40}$/.test(code) ? `${name} ${code}` : name,
    evaluating: /\(evaluating '([^']{1,200})'\)$/.exec(error.message)?.[1],
    at: at.slice(0, deepest),
  };
}
