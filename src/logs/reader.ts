/** The log as the server and the commands read it. */

import { OcpError } from "../core/errors.ts";
import { type LogEntry, type LogFilter, type LogReader, passes } from "../core/logs.ts";
import { follow } from "./follow.ts";
import { readTail } from "./tail.ts";

/** `flush` is called before the log is read: a writer in this process brings its file up to date. */
export function createLogReader(directory: string, flush: () => void = () => {}): LogReader {
  const wanted = (filter: LogFilter) => (entry: LogEntry) => passes(entry.level, filter);

  return {
    async tail(count, filter) {
      flush();
      try {
        const { entries, at } = await readTail(directory, count, wanted(filter));
        await at?.file.close();
        return entries;
      } catch (error) {
        throw unreadable(error);
      }
    },
    async *follow(count, filter, signal) {
      flush();
      try {
        yield* follow(directory, count, wanted(filter), signal);
      } catch (error) {
        throw unreadable(error);
      }
    },
  };
}

function unreadable(cause: unknown): OcpError {
  const why = (cause as NodeJS.ErrnoException).code ?? "unknown";
  return new OcpError("internal", `The log cannot be read (${why}).`, { cause });
}
