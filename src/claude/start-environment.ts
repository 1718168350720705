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
  /** The last arguments of its command line. An option before or after them could set what stands for the variables. */
  args: readonly string[];
}

export type MaybePromise<Value> = Value | Promise<Value>;

/** Null when the system does not tell, or when the process is not the marked one. At once on Linux. */
export function startValuesOf<Name extends string>({
  pid,
  names,
  mark,
  args,
}: StartEnvironmentOptions<Name>): MaybePromise<StartValues<Name> | null> {
  if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return null;
  return process.platform === "linux"
    ? fromLists(listOf(pid as number, "cmdline"), listOf(pid as number, "environ"), { names, mark, args })
    : processLine(pid as number).then((line) => fromLine(line, { names, mark, args }));
}

function listOf(pid: number, file: "cmdline" | "environ"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").slice(0, -1);
  } catch {
    // It has ended, or is another user's.
    return [];
  }
}

type Asked<Name extends string> = Omit<StartEnvironmentOptions<Name>, "pid">;

function fromLists<Name extends string>(
  command: readonly string[],
  variables: readonly string[],
  { names, mark, args }: Asked<Name>,
): StartValues<Name> | null {
  const before = command.slice(0, command.length - args.length);
  const isOurs = args.every((arg, at) => arg === command[before.length + at]) && !ownOptions(before);
  if (!isOurs || !variables.includes(mark)) return null;
  return valuesBy(names, (name) => variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1));
}

/**
 * From the command, its arguments and its environment in one line, parted by spaces, as `ps` prints them. Null for a
 * value that could be read in two ways: it may hold spaces itself.
 */
export function fromLine<Name extends string>(
  line: string,
  { names, mark, args }: Asked<Name>,
): StartValues<Name> | null {
  const [before = "", ...rest] = line.trimEnd().split(` ${args.join(" ")} `);
  if (rest.length !== 1 || ownOptions(before.split(" "))) return null;
  const words = (rest[0] as string).split(" ");
  if (!isVariable(words[0] as string)) return null;
  if (!` ${words.join(" ")} `.includes(` ${mark} `)) return null;
  const placesOf = (name: Name) => words.flatMap((word, at) => (word.startsWith(`${name}=`) ? [at] : []));
  const isPlain = (at: number) => {
    const next = words[at + 1];
    return !/["'\\]/.test(words[at] as string) && (next === undefined || isVariable(next));
  };
  if (names.some((name) => placesOf(name).length > 1 || !placesOf(name).every(isPlain))) return null;
  return valuesBy(names, (name) => words[placesOf(name)[0] ?? -1]?.slice(name.length + 1));
}

/** Tells whether options of the CLI stand before ours. Those of the interpreter before its script are none of them. */
function ownOptions(before: readonly string[]): boolean {
  const isInterpreted = /(^|\/)(node|bun)$/.test(before[0] ?? "");
  const script = isInterpreted ? before.findIndex((word) => /\.[cm]?js$/.test(word)) : -1;
  return before.slice(script + 1).some(isOption);
}

const isOption = (word: string) => word.startsWith("-");
const isVariable = (word: string) => /^[A-Za-z_][A-Za-z0-9_]*=/.test(word);

function valuesBy<Name extends string>(names: readonly Name[], find: (name: Name) => string | undefined) {
  return Object.fromEntries(names.map((name) => [name, find(name)])) as StartValues<Name>;
}

export function picked<Name extends string>(values: StartValues<Name>, names: readonly Name[]): StartValues<Name> {
  return valuesBy(names, (name) => values[name]);
}

async function processLine(pid: number): Promise<string> {
  try {
    const argv = ["/bin/ps", "-E", "-ww", "-o", "command=", "-p", String(pid)];
    return await Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "ignore" }).stdout.text();
  } catch {
    return "";
  }
}
