/** One program in a terminal of its own, which is gone with all that it started when it is told to go. */

import type { Recipe } from "../recipe.ts";
import { createScreen, type Screen, size } from "./screen.ts";

export interface Pty {
  readonly pid: number;
  readonly screen: Screen;
  /** Resolves when the program is gone. */
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  /** As if typed. */
  write(text: string): void;
  /** Ends the program and all that it started, at once. */
  kill(): void;
  /** Lets it end by itself. */
  terminate(): void;
}

/** Throws what Bun.spawn throws when the binary cannot be run. */
export function spawnInPty({ argv, env, cwd }: Recipe): Pty {
  let alive = true;
  // The terminal makes the program the leader of a session, and so of a process group.
  const child = Bun.spawn(argv, {
    cwd,
    env,
    terminal: { ...size, data: (_terminal, bytes) => screen.feed(bytes) },
  });
  const write = (text: string) => {
    if (alive) child.terminal?.write(text);
  };
  const screen = createScreen(write);
  const signal = (name: "SIGKILL" | "SIGTERM", group: boolean) => {
    if (!alive) return;
    try {
      process.kill(group ? -child.pid : child.pid, name);
    } catch {
      // It has ended.
    }
  };
  const exited = child.exited.then((code) => {
    // What it started and did not end goes with it.
    signal("SIGKILL", true);
    alive = false;
    child.terminal?.close();
    return {
      code: child.signalCode ? null : code,
      signal: child.signalCode === null ? null : String(child.signalCode),
    };
  });
  return {
    pid: child.pid,
    screen,
    exited,
    write,
    kill: () => signal("SIGKILL", true),
    terminate: () => signal("SIGTERM", false),
  };
}
