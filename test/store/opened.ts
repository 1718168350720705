/** A store in a temporary directory, and what lies in that. */

import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/core/ports.ts";
import type { Store, UsageRow } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open.ts";
import { createTemp, type Temp } from "../harness/temp.ts";

/** What the clock shows at first: a Wednesday, in ms. */
export const epoch = Date.UTC(2026, 3, 15, 10, 30);

export interface Opened extends AsyncDisposable {
  temp: Temp;
  directory: string;
  store: Store;
  /** Epoch ms; a test may move it. */
  clock: { now: number };
  lines: LogLine[];
  /** Closes the store and opens the same directory again. */
  reopen(): Store;
}

export interface LogLine {
  level: "info" | "warn" | "error";
  message: string;
  fields: Record<string, unknown>;
}

/** `prepare` fills the directory before it is opened. */
export async function openTemp(prepare: (directory: string) => unknown = () => {}): Promise<Opened> {
  const temp = await createTemp();
  try {
    await prepare(temp.path);
    const clock = { now: epoch };
    const lines: LogLine[] = [];
    const options = { directory: temp.path, now: () => clock.now, log: logTo(lines), patience: 0 };
    const opened: Opened = {
      temp,
      directory: temp.path,
      store: openStore(options),
      clock,
      lines,
      reopen() {
        opened.store.close();
        opened.store = openStore(options);
        return opened.store;
      },
      async [Symbol.asyncDispose]() {
        opened.store.close();
        await temp.remove();
      },
    };
    return opened;
  } catch (error) {
    await temp.remove();
    throw error;
  }
}

export function logTo(lines: LogLine[]): Log {
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, message, fields });
    };
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

/** A turn that was fine, with these differences. */
export function usageRow(changes: Partial<UsageRow> = {}): UsageRow {
  return {
    at: epoch,
    requestId: "req_1",
    principalId: "local",
    keyId: null,
    name: "local",
    dialect: "chat",
    model: "claude-sonnet-5-5",
    tokens: { input: 10, cacheRead: 200, cacheWrite: 30, output: 4, thinking: 1 },
    promptChars: 500,
    answerChars: 20,
    queuedMs: 1,
    firstMs: 40,
    totalMs: 300,
    outcome: "ok",
    path: "live",
    reason: null,
    cache: "off",
    charged: { requests: 1, tokens: 244 },
    ...changes,
  };
}

/** The permissions of the files that are there, by name. */
export function modesIn(directory: string, database = "ocp.db"): Record<string, string> {
  const entries = storeFiles(directory, database).map((name) => [
    name,
    (statSync(join(directory, name)).mode & 0o777).toString(8),
  ]);
  return Object.fromEntries(entries);
}

/** A hash of each file that is there, or what it links to, by name; shared memory says nothing of what is kept. */
export function bytesIn(directory: string): Record<string, string> {
  const entries = storeFiles(directory)
    .filter((name) => !name.endsWith("-shm"))
    .map((name) => {
      const path = join(directory, name);
      if (lstatSync(path).isSymbolicLink()) return [name, readlinkSync(path)];
      return [name, createHash("sha256").update(readFileSync(path)).digest("hex")];
    });
  return Object.fromEntries(entries);
}

/** Which of the texts lie in a file of the store, as `text in file`; `except` leaves out files. */
export function found(directory: string, texts: readonly string[], except: RegExp = /^$/): string[] {
  return storeFiles(directory)
    .filter((name) => !except.test(name))
    .flatMap((name) => {
      const bytes = readFileSync(join(directory, name));
      return texts.filter((text) => bytes.includes(text)).map((text) => `${text} in ${name}`);
    });
}

export function storeFiles(directory: string, database = "ocp.db"): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(database))
    .sort();
}
