/** `ocp logs`: the last lines of a server's log, and with `-f` each that comes. */

import { resolvePaths } from "../config/paths.ts";
import { OcpError } from "../core/errors.ts";
import { type LogEntry, type LogFilter, type LogReader, logLevels } from "../core/logs.ts";
import { entryOf, formatForPeople, type Paint, parseEntry } from "../logs/entry.ts";
import { createLogReader } from "../logs/reader.ts";
import { fieldsOf, listOf } from "./answers.ts";
import { exitCodes, type Host, usageError, write } from "./output.ts";
import { connectRemote } from "./remote.ts";
import { dim, green, red, yellow } from "./style.ts";

const preset = 20;
/** What the server gives at once. */
const most = 200;

/** Characters of one line of a stream. An entry of the log is a tenth of it. */
const longestLine = 1024 * 1024;

/** How long, in ms, the server may take until its answer begins. */
const patience = 30_000;

type Arguments = Readonly<Record<string, unknown>>;
type Entries = AsyncGenerator<LogEntry, void, void>;

interface Wanted {
  count: number;
  level: LogFilter;
}

export async function logs(args: Arguments, host: Host): Promise<number> {
  const wanted = readArguments([args.n, args.level]);
  const line = args.json === true ? (entry: LogEntry) => `${JSON.stringify(entry)}\n` : formatLine;
  const entries = args.follow === true ? followed(args, host, wanted) : last(args, host, wanted);
  for await (const entry of entries) await write(host, host.stdout, line(entry));
  return exitCodes.ok;
}

async function* last(args: Arguments, host: Host, { count, level }: Wanted): Entries {
  const asked = connectRemote(args, host).request<unknown>("GET", `/logs?n=${count}&level=${level}`, null);
  const answered = await asked.then(fieldsOf, (error) => sayThatItIsDown(args, host, error));
  if (answered) yield* listOf(answered.entries).flatMap((each) => entryOf(each) ?? []);
  else yield* await ownLog(host).tail(count, level);
}

async function* followed(args: Arguments, host: Host, { count, level }: Wanted): Entries {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException("no answer", "TimeoutError")), patience);
  const response = await connectRemote(args, host)
    .open(`/logs?n=${count}&level=${level}&follow=1`, late.signal)
    .catch((error) => sayThatItIsDown(args, host, error))
    .finally(() => clearTimeout(timer));
  if (!response) return yield* ownLog(host).follow(count, level, new AbortController().signal);
  yield* streamed(response);
  throw new OcpError("not_ready", "The server has stopped.");
}

/** A number and a level in either order. Throws OcpError invalid_request. */
function readArguments(given: readonly unknown[]): Wanted {
  const wanted: Wanted = { count: preset, level: "all" };
  for (const word of given.filter((each): each is string => typeof each === "string")) {
    if (word === "all" || logLevels.includes(word as (typeof logLevels)[number])) wanted.level = word as LogFilter;
    else if (/^\d{1,6}$/.test(word) && Number(word) >= 1 && Number(word) <= most) wanted.count = Number(word);
    else {
      const levels = ["all", ...logLevels].join(", ");
      throw usageError(`${JSON.stringify(word)} is neither a number from 1 to ${most} nor a level (${levels}).`);
    }
  }
  return wanted;
}

async function* streamed(response: Response): Entries {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const entry = line.startsWith("data: ") ? parseEntry(line.slice("data: ".length)) : null;
        if (entry) yield entry;
      }
      if (rest.length > longestLine) {
        throw new OcpError("upstream_failed", "The server sends a line that no log of OCP has. It is not read on.");
      }
    }
  } catch (error) {
    if (error instanceof OcpError) throw error;
    // A server that is killed cuts the stream.
  }
}

/** Returns when this machine's own files tell the same. Throws the error otherwise: another server was named. */
async function sayThatItIsDown(args: Arguments, host: Host, error: unknown): Promise<undefined> {
  const isDown = error instanceof OcpError && error.code === "not_ready";
  if (!isDown || args.url !== undefined || host.env.OCP_URL) throw error;
  await write(host, host.stderr, "The server does not answer: this is read from its files.\n");
}

function ownLog(host: Host): LogReader {
  return createLogReader(resolvePaths(host.env).logs);
}

const styles = { dim, error: red, warn: yellow, info: green } as const;

const paint: Paint = (as, text) => styles[as](text);

/** `write` takes the colours out for anything but a terminal. */
const formatLine = (entry: LogEntry) => formatForPeople(entry, paint);
