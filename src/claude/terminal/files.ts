/** What one session needs on disk, in a directory of its own that is gone when the session is. */

import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ImageMediaType } from "../../core/conversation.ts";
import { mcpServer } from "./names.ts";

/** What the CLI's editor key runs: it leaves what the composer held, and puts the next message in its place. */
const editor = `#!/bin/sh
dir=\${0%/*}/..
: >"$dir/opened"
cp "$1" "$dir/held.part" && mv "$dir/held.part" "$dir/held"
if [ -f "$dir/prompt" ]; then cat "$dir/prompt" >"$1" && rm "$dir/prompt"; fi
`;

/** The hooks that tell us how a turn goes on; each is a POST to our own listener. */
const hooks = ["UserPromptSubmit", "MessageDisplay", "Stop", "StopFailure"];

export interface SessionFiles {
  /** The CLI's session. */
  readonly id: string;
  readonly path: string;
  readonly temporary: string;
  /** The directory that holds the editor, for PATH; and its name. */
  readonly bin: string;
  readonly editor: string;
  readonly settings: string;
  readonly system: string;
  readonly mcp: string;
  /** Notes the CLI's pid, for a later server. Never fails. */
  begun(pid: number): void;
  /** Lays the next message out for the editor. */
  putPrompt(text: string): void;
  /** Whether the editor has not come for it yet. */
  promptWaits(): boolean;
  /** Lays an image out and returns its path. */
  putImage(mediaType: ImageMediaType, base64: string): string;
  /** Whether the editor has begun since `dropOpened`. */
  opened(): boolean;
  dropOpened(): void;
  /** Forgets what the composer held when the editor last ran. */
  dropHeld(): void;
  /** That; null: it has not run since. */
  held(): string | null;
  /** Removes all of it. Never fails. */
  remove(): Promise<void>;
}

export interface FilesOptions {
  /** The directory of all sessions. */
  sessions: string;
  id: string;
  system: string;
  hookUrl: string;
  mcpUrl: string;
}

/** The name begins with our pid, so that a later server knows what an earlier one left. */
export function createFiles({ sessions, id, system, hookUrl, mcpUrl }: FilesOptions): SessionFiles {
  const path = join(sessions, nameOf({ server: process.pid, id }));
  const within = (...names: string[]) => join(path, ...names);
  const write = (name: string, text: string) => writeFileSync(within(name), text, { mode: 0o600 });
  const cliSettings = {
    // Nobody looks at its animations.
    prefersReducedMotion: true,
    hooks: Object.fromEntries(hooks.map((name) => [name, [{ hooks: [{ type: "http", url: hookUrl }] }]])),
  };
  try {
    for (const directory of ["bin", "tmp", "images"]) {
      mkdirSync(within(directory), { recursive: true, mode: 0o700 });
    }
    write("system.txt", system);
    write("settings.json", JSON.stringify(cliSettings));
    write("mcp.json", JSON.stringify({ mcpServers: { [mcpServer]: { type: "http", url: mcpUrl } } }));
    write(join("bin", "ocp-prompt"), editor);
    chmodSync(within("bin", "ocp-prompt"), 0o700);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  let images = 0;

  return {
    id,
    path,
    temporary: within("tmp"),
    bin: within("bin"),
    editor: "ocp-prompt",
    settings: within("settings.json"),
    system: within("system.txt"),
    mcp: within("mcp.json"),
    begun(pid) {
      try {
        write("pid", `${pid}`);
      } catch {
        // A full disk: the next server sweeps less.
      }
    },
    putPrompt: (text) => write("prompt", text),
    promptWaits: () => existsSync(within("prompt")),
    putImage(mediaType, base64) {
      const file = within(
        "images",
        `${++images}.${mediaType === "image/jpeg" ? "jpg" : mediaType.slice("image/".length)}`,
      );
      writeFileSync(file, Buffer.from(base64, "base64"), { mode: 0o600 });
      return file;
    },
    opened: () => existsSync(within("opened")),
    dropOpened: () => rmSync(within("opened"), { force: true }),
    dropHeld: () => rmSync(within("held"), { force: true }),
    held() {
      try {
        return readFileSync(within("held"), "utf8");
      } catch {
        return null;
      }
    },
    remove: () => rm(path, { recursive: true, force: true }).catch(() => {}),
  };
}

/** The server that made a session's directory, by its pid, and the CLI's session. */
interface SessionName {
  server: number;
  id: string;
}

const sessionName = /^([1-9]\d{0,9})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function nameOf({ server, id }: SessionName): string {
  return `${server}-${id}`;
}

/** Null: a session's directory is never called so. */
export function parseSessionName(name: string): SessionName | null {
  const [, server, id] = sessionName.exec(name) ?? [];
  return server === undefined || id === undefined ? null : { server: Number(server), id };
}

/** The pid of the CLI whose files these were, and when it was noted (epoch ms); null: it never began. */
export function pidOf(directory: string): { pid: number; notedAt: number } | null {
  try {
    const file = join(directory, "pid");
    const { mtimeMs, size } = lstatSync(file);
    const text = size <= 10 ? readFileSync(file, "utf8") : "";
    return /^[1-9]\d*$/.test(text) ? { pid: Number(text), notedAt: mtimeMs } : null;
  } catch {
    return null;
  }
}
