/** Keeps the lines that were learnt of the CLI over a restart. They hold no secret, and nothing of a conversation. */

import { readFile, rename, writeFile } from "node:fs/promises";
import type { Attachment } from "./session-file.ts";

export interface ReminderFile {
  /** Null: they are not in there, or the file cannot be read. */
  read(key: string): Promise<readonly Attachment[] | null>;
  /** Never fails: what cannot be kept is learnt again. */
  write(key: string, lines: readonly Attachment[]): Promise<void>;
}

/** Of so many models and versions of the CLI; some 2 KB each. */
const mostKept = 32;

export function createReminderFile(path: string): ReminderFile {
  const readAll = async (): Promise<Array<[string, readonly Attachment[]]>> => {
    try {
      const found: unknown = JSON.parse(await readFile(path, "utf8"));
      return typeof found === "object" && found !== null ? Object.entries(found).filter(isList) : [];
    } catch {
      return [];
    }
  };
  let writing: Promise<void> = Promise.resolve();

  return {
    read: async (key) => (await readAll()).find(([known]) => known === key)?.[1] ?? null,
    write(key, lines) {
      writing = writing.then(async () => {
        const others = (await readAll()).filter(([known]) => known !== key);
        const text = JSON.stringify(Object.fromEntries([...others, [key, lines]].slice(-mostKept)));
        const temporary = `${path}.${process.pid}`;
        await writeFile(temporary, text, { mode: 0o600 });
        await rename(temporary, path);
      });
      writing = writing.catch(() => {});
      return writing;
    },
  };
}

function isList(entry: [string, unknown]): entry is [string, Attachment[]] {
  return Array.isArray(entry[1]);
}
