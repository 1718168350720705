/**
 * What the CLI tells the model by itself at the beginning of a conversation (its environment, the model's name, the
 * date), as its own session file holds it (2.1.330). A session file of ours needs the very same lines: the CLI else
 * says it all again, at another place, and everything behind is new for the prompt cache.
 *
 * They are learnt from the CLI: one process, without a login and with an API address at which nobody listens, writes
 * down a conversation that never takes place.
 */

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Children } from "./children.ts";
import { seal } from "./dials.ts";
import type { ClaudeProcess } from "./process.ts";
import { userFrame } from "./protocol.ts";
import { type Attachment, dateOf } from "./session-file.ts";

export interface Reminders {
  /** As of today; `bin` names the CLI. Null: it does not write them down, or has none. */
  of(model: string, bin: string): Promise<readonly Attachment[] | null>;
}

export interface RemindersOptions {
  children: Pick<Children, "start" | "discard">;
  /** A directory of ours. */
  directory: string;
}

/** How long, in ms, the CLI may take to boot and to find no API. */
const patience = 30_000;

const kinds = new Set(["environment", "model", "date"]);

export function createReminders({ children, directory }: RemindersOptions): Reminders {
  const known = new Map<string, Promise<readonly Attachment[] | null>>();

  const learn = async (model: string): Promise<readonly Attachment[] | null> => {
    const home = join(directory, `reminders-${crypto.randomUUID()}`);
    await mkdir(home, { recursive: true, mode: 0o700 });
    try {
      const identity = { kind: "isolated", home, token: "none" } as const;
      const process = children.start({ model, identity, hostTools: null, recorded: true });
      try {
        await failedTurn(process);
      } finally {
        children.discard(process);
      }
      return await readLines(join(home, ".claude", "projects"));
    } finally {
      await rm(home, { recursive: true, force: true }).catch(() => {});
    }
  };

  return {
    async of(model, bin) {
      const key = `${bin} ${model}`;
      const learning = known.get(key) ?? learn(model).catch(() => null);
      known.set(key, learning);
      const lines = await learning;
      // It is tried again next time: the machine may have been short of something.
      if (lines === null) known.delete(key);
      return lines;
    },
  };
}

/** Resolves when the process has given up a turn. A CLAUDE_BIN may set an API address of its own, which `seal` replaces. */
async function failedTurn(process: ClaudeProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  process.listen({ frame: ({ type }) => type === "result" && resolve(), exit: () => resolve() });
  await process.request({ subtype: "initialize", systemPrompt: ["-"] });
  await process.request(seal);
  process.send(userFrame([{ type: "text", text: "-" }], true));
  await promise;
  clearTimeout(timer);
}

/** The lines of the one session in there; null: there is none, or they are not what they were measured to be. */
async function readLines(projects: string): Promise<readonly Attachment[] | null> {
  const names = await readdir(projects, { recursive: true });
  const file = names.find((name) => name.endsWith(".jsonl"));
  if (file === undefined) return null;
  const text = await readFile(join(projects, file), "utf8");
  const lines = text.split("\n").filter((line) => line.includes('"attachment"'));
  const found = lines.map((line) => JSON.parse(line) as Attachment).filter(isReminder);
  return found.length === kinds.size ? found.map(withoutPlace) : null;
}

function isReminder({ type, attachment }: Attachment): boolean {
  return type === "attachment" && kinds.has(attachment?.type);
}

/** Without the fields that say where it stood in its file. */
function withoutPlace({ type, attachment, rendered, renderedRole }: Attachment): Attachment {
  return { type, attachment, rendered, renderedRole };
}

/** The lines of a conversation that began at this time, epoch ms. */
export function datedAt(lines: readonly Attachment[], at: number): Attachment[] {
  const wanted = dateOf(at);
  return lines.map((line) => {
    const { type, date } = line.attachment;
    if (type !== "date" || typeof date !== "string") return line;
    return JSON.parse(JSON.stringify(line).replaceAll(date, wanted)) as Attachment;
  });
}
