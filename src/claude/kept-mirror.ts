/** Brings the kept answers to disk a moment after they have changed, in small bites, so that no turn waits for it. */

import type {
  KeptConversation,
  SessionChange,
  SessionDisk,
  SessionFile,
  StoredAnswer,
  StoredConversation,
} from "../core/kept-sessions.ts";
import type { Log } from "../core/ports.ts";

/** A conversation as it is in memory. */
interface Source {
  id: string;
  principalId: string;
  usedAt: number;
  note: KeptConversation | null;
  answers: ReadonlyMap<string, StoredAnswer>;
}

export interface MirrorOptions {
  disk: SessionDisk | null;
  /** How long, in ms, the disk keeps a conversation after its last use; 0: it keeps nothing. */
  keepMs: () => number;
  get: (id: string) => Source | undefined;
  all: () => readonly Source[];
  /** Takes what a file held at its first opening. */
  load: (stored: StoredConversation & { answers: StoredAnswer[] }) => void;
  log: Log;
  /** Epoch ms. */
  now: () => number;
}

export interface Mirror {
  changed(id: string): void;
  /** Forgets on disk what is too old there. */
  sweep(): void;
  /** Opens the file, or deletes it, as `keepMs` has it now. */
  reconsider(): void;
  /** Writes all that waits. Throws nothing, as all of these. */
  close(): void;
}

/** Ms from a change to its writing, and between two bites. */
const delay = 500;
const pause = 20;
/** Bytes of a bite, which takes 2 ms on a quiet machine. */
const bite = 131_072;
/** Bytes of an answer that is removed, about. */
const usual = 4_096;
/** Ms until a disk that failed is tried again. */
const patience = 60_000;

export function createMirror(options: MirrorOptions): Mirror {
  const { disk, keepMs, get, all, load, log, now } = options;
  let file: SessionFile | null = null;
  let loaded = false;
  let failing = false;
  let closed = false;
  let retryAt = 0;
  let timer: Timer | undefined;
  /** The answers on disk of each conversation that is there. */
  const written = new Map<string, Set<number>>();
  const waiting = new Set<string>();

  const isDue = ({ usedAt }: Pick<Source, "usedAt">) => now() - usedAt <= keepMs();
  const attempt = (work: () => void) => {
    try {
      work();
      failing = false;
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      if (!failing) log.warn("kept answers cannot be written to disk; it is tried again", { code, reason: message });
      failing = true;
      retryAt = now() + patience;
      letGo();
    }
  };
  const letGo = () => {
    clearTimeout(timer);
    timer = undefined;
    waiting.clear();
    written.clear();
    const opened = file;
    file = null;
    opened?.close();
  };
  const open = (from: SessionDisk) => {
    // The ids of what it held may have been given anew while it could not be opened.
    if (!loaded && all().length > 0) from.remove();
    file = from.open();
    for (const stored of file.read()) {
      written.set(stored.id, new Set(stored.answers.map(({ id }) => id)));
      if (!loaded && isDue(stored)) load(stored);
    }
    loaded = true;
    for (const id of [...written.keys(), ...all().map(({ id }) => id)]) changed(id);
  };

  const most = bite / usual;
  /** From its end on: if it comes to no end, the beginning is still of use. */
  const forget = (id: string, there: ReadonlySet<number> | null): { change: SessionChange | null; bytes: number } => {
    if (there === null) return { change: null, bytes: 0 };
    if (there.size <= most) return { change: { remove: id }, bytes: there.size * usual };
    waiting.add(id);
    return { change: { release: id, answers: [...there].slice(-most) }, bytes: bite };
  };
  /** The next conversation's changes, and how many bytes they have. */
  const take = (id: string, room: number): { change: SessionChange | null; bytes: number } => {
    const source = get(id);
    const there = written.get(id);
    waiting.delete(id);
    if (!source || !isDue(source)) return forget(id, there ?? null);
    const now = new Set<number>();
    const added: StoredAnswer[] = [];
    let bytes = 0;
    for (const answer of source.answers.values()) {
      now.add(answer.id);
      if (there?.has(answer.id)) continue;
      if (bytes > room) waiting.add(id);
      else {
        added.push(answer);
        bytes += answer.content.length;
      }
    }
    const released = [...(there ?? [])].filter((answer) => !now.has(answer));
    const { principalId, usedAt, note } = source;
    return { change: { put: { id, principalId, usedAt, note }, added, released }, bytes };
  };
  /** One transaction. */
  const write = (to: SessionFile, room: number) => {
    const changes: SessionChange[] = [];
    let left = room;
    for (const id of [...waiting]) {
      if (left <= 0) break;
      const { change, bytes } = take(id, left);
      if (change) changes.push(change);
      // A row of its own costs something too.
      left -= bytes + 512;
    }
    if (changes.length === 0) return;
    to.write(changes);
    for (const change of changes) {
      if ("remove" in change) written.delete(change.remove);
      else if ("release" in change) {
        for (const id of change.answers) written.get(change.release)?.delete(id);
      } else {
        const there = written.get(change.put.id) ?? new Set();
        for (const { id } of change.added) there.add(id);
        for (const id of change.released) there.delete(id);
        written.set(change.put.id, there);
      }
    }
  };
  const later = (ms: number) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      attempt(() => file && write(file, bite));
      if (waiting.size > 0) later(pause);
    }, ms);
    timer.unref();
  };
  const changed = (id: string) => {
    if (file === null) return;
    waiting.add(id);
    later(delay);
  };
  const reconsider = () => {
    if (disk === null || closed) return;
    if (keepMs() > 0) {
      if (file === null && now() >= retryAt) attempt(() => open(disk));
    } else {
      loaded = true;
      letGo();
      retryAt = 0;
      attempt(() => disk.remove());
    }
  };

  return {
    changed,
    sweep() {
      if (file === null && keepMs() > 0) reconsider();
      for (const id of written.keys()) {
        const source = get(id);
        if (!source || !isDue(source)) changed(id);
      }
      if (file) attempt(() => file?.tidy(now() - keepMs()));
    },
    reconsider,
    close() {
      closed = true;
      attempt(() => {
        while (file && waiting.size > 0) write(file, bite);
      });
      letGo();
    },
  };
}
