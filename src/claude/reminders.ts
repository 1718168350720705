/**
 * What the CLI tells the model by itself at the beginning of a conversation (its environment, the model's name, the
 * date), as its own session file holds it (2.1.330). A session file of ours needs the very same lines: the CLI else
 * says it all again, at another place, and everything behind is new for the prompt cache.
 *
 * They are learnt from the CLI: one process, without a login and with an API address at which nobody listens, writes
 * down a conversation that never takes place.
 */

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import type { Children } from "./children.ts";
import { nowhere } from "./dials.ts";
import type { ClaudeProcess } from "./process.ts";
import { type HostRequest, userFrame } from "./protocol.ts";
import { createReminderFile } from "./reminder-file.ts";
import type { Scratch } from "./scratch.ts";
import { type Attachment, dateOf } from "./session-file.ts";

export interface Reminders {
  /** As of some day; `bin` names the CLI. Null: it does not write them down, or has none. */
  of(model: string, bin: string): Promise<readonly Attachment[] | null>;
}

export interface RemindersOptions {
  children: Pick<Children, "start" | "discard">;
  scratch: Pick<Scratch, "path">;
  /** Epoch ms. */
  now: () => number;
}

/** How long, in ms, the CLI may take to boot and to find no API. */
const patience = 30_000;
/** Ms between two looks into its file. */
const lookEvery = 20;
/** How long, in ms, a CLI is not asked again that did not tell: the machine may have been short of something. */
const retryAfter = 600_000;

/** No address, and one attempt: with its own retries the CLI takes two seconds to give up (2.1.332). */
const sealed: HostRequest = {
  subtype: "apply_flag_settings",
  settings: { env: { ANTHROPIC_BASE_URL: nowhere, CLAUDE_CODE_MAX_RETRIES: "0" } },
};

const kinds = new Set(["environment", "model", "date"]);

export function createReminders({ children, scratch, now }: RemindersOptions): Reminders {
  const learning = new Map<string, Promise<readonly Attachment[] | null>>();
  const failedAt = new Map<string, number>();
  /** They are the same for as long as the CLI and the system are: a restarted server need not learn them. */
  const kept = createReminderFile(join(scratch.path, "reminders.json"));

  const learn = async (model: string): Promise<readonly Attachment[] | null> => {
    // What a killed server leaves there is swept out (scratch.ts).
    const home = join(scratch.path, "tmp", `reminders-${crypto.randomUUID()}`);
    await mkdir(home, { recursive: true, mode: 0o700 });
    try {
      const identity = { kind: "isolated", home, token: "none" } as const;
      const process = children.start({ model, identity, hostTools: null, recorded: true });
      const over = failedTurn(process);
      const projects = join(home, ".claude", "projects");
      try {
        // The CLI writes them down before it looks for the API.
        for (;;) {
          const isOver = (await Promise.race([over, Bun.sleep(lookEvery)])) === "over";
          const lines = await readLines(projects);
          if (lines !== null || isOver) return lines;
        }
      } finally {
        children.discard(process);
      }
    } finally {
      await rm(home, { recursive: true, force: true }).catch(() => {});
    }
  };
  const find = async (key: string, model: string) => {
    const known = await kept.read(key);
    if (known?.length === kinds.size && known.every(isReminder)) return known;
    const lines = await learn(model).catch(() => null);
    if (lines === null) failedAt.set(key, now());
    else await kept.write(key, lines);
    return lines;
  };

  return {
    of(model, bin) {
      const key = `${bin} ${release()} ${model}`;
      const failed = failedAt.get(key);
      if (failed !== undefined && now() - failed > retryAfter) {
        failedAt.delete(key);
        learning.delete(key);
      }
      const found = learning.get(key) ?? find(key, model);
      learning.set(key, found);
      return found;
    },
  };
}

/**
 * Resolves when the process has given up a turn, or runs in another home than its own, where it would leave its session
 * file. A CLAUDE_BIN may do that, or set an API address of its own, which `sealed` replaces.
 */
async function failedTurn(process: ClaudeProcess): Promise<"over"> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  process.listen({ frame: ({ type }) => type === "result" && resolve(), exit: () => resolve() });
  try {
    const started = await process.request({ subtype: "initialize", systemPrompt: ["-"] });
    const isAtHome = (await process.startedWith((started as { pid?: unknown } | undefined)?.pid, [])) !== null;
    if (isAtHome) {
      await process.request(sealed);
      process.send(userFrame([{ type: "text", text: "-" }], true));
      await promise;
    }
  } catch {
    // It ended.
  }
  clearTimeout(timer);
  return "over";
}

/** The lines of the one session in there; null: there is none, or they are not what they were measured to be. */
async function readLines(projects: string): Promise<readonly Attachment[] | null> {
  const names = await readdir(projects, { recursive: true }).catch(() => []);
  const file = names.find((name) => name.endsWith(".jsonl"));
  if (file === undefined) return null;
  const text = await readFile(join(projects, file), "utf8");
  // The last line may be half written.
  const lines = text.split("\n").slice(0, -1);
  const attached = lines.filter((line) => line.includes('"attachment"'));
  const found = attached.map((line) => JSON.parse(line) as Attachment).filter(isReminder);
  return found.length === kinds.size ? found.map(withoutPlace) : null;
}

function isReminder(line: Attachment): boolean {
  return line?.type === "attachment" && kinds.has(line.attachment?.type);
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
