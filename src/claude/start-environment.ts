/**
 * Reads variables that a running process was started with. A CLAUDE_BIN may be a script that sets some of its own, such
 * as a gateway's address; the CLI tells none of them, and a control request that replaces one cannot bring it back.
 */

import { readFileSync } from "node:fs";

/** The values of the variables that were asked for; undefined where one is not set. */
export type StartValues<Name extends string> = Readonly<Record<Name, string | undefined>>;

export interface StartEnvironmentOptions<Name extends string> {
  /** As the program itself tells it: a script may have started it, or it may live where pids count differently. */
  pid: unknown;
  names: readonly Name[];
  /** `NAME=value` of a variable that only this process has: proves that the pid is its own. */
  mark: string;
}

/** Resolves to null when the system does not tell, or when the process is not the marked one. */
export async function startValuesOf<Name extends string>({
  pid,
  names,
  mark,
}: StartEnvironmentOptions<Name>): Promise<StartValues<Name> | null> {
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return null;
  return process.platform === "linux"
    ? fromList(variablesOf(pid as number), names, mark)
    : fromLine(await processLine(pid as number), names, mark);
}

function variablesOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    // It has ended, or is another user's.
    return [];
  }
}

function fromList<Name extends string>(
  variables: readonly string[],
  names: readonly Name[],
  mark: string,
): StartValues<Name> | null {
  if (!variables.includes(mark)) return null;
  return valuesBy(names, (name) => variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1));
}

/**
 * From the command, its arguments and its environment in one line, parted by spaces, as `ps` prints them. Null for a
 * value that could be read in two ways: it may hold spaces itself.
 */
export function fromLine<Name extends string>(
  line: string,
  names: readonly Name[],
  mark: string,
): StartValues<Name> | null {
  const words = line.trimEnd().split(" ");
  if (!`${words.join(" ")} `.includes(` ${mark} `)) return null;
  const placesOf = (name: Name) => words.flatMap((word, at) => (word.startsWith(`${name}=`) ? [at] : []));
  const isPlain = (at: number) => {
    const next = words[at + 1];
    return !/["'\\]/.test(words[at] as string) && (next === undefined || /^[A-Za-z_][A-Za-z0-9_]*=/.test(next));
  };
  if (names.some((name) => placesOf(name).length > 1 || !placesOf(name).every(isPlain))) return null;
  return valuesBy(names, (name) => words[placesOf(name)[0] ?? -1]?.slice(name.length + 1));
}

function valuesBy<Name extends string>(names: readonly Name[], find: (name: Name) => string | undefined) {
  return Object.fromEntries(names.map((name) => [name, find(name)])) as StartValues<Name>;
}

async function processLine(pid: number): Promise<string> {
  try {
    const argv = ["/bin/ps", "-E", "-ww", "-o", "command=", "-p", String(pid)];
    return await Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "ignore" }).stdout.text();
  } catch {
    return "";
  }
}
