/**
 * Rollback protection: keeps the date of the newest list of releases that this machine has seen, and refuses an older
 * one. A signature alone does not help, because an old list was signed as rightly as the newest.
 */

import { lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Build } from "../config/build.ts";
import { removeScratch, writeWhole } from "../config/whole-file.ts";

export interface ListDates {
  /** A sentence that says why a list of this date is refused; null: it may be used. */
  objection(list: Date, url: string): string | null;
  /** Keeps the date when it is the newest. Returns a sentence when that fails; does not throw. */
  record(list: Date): string | null;
}

const hour = 60 * 60 * 1000;
/** Clocks differ. A date further ahead is a mistake, and would shut out every right one if it were kept. */
const tolerance = 24 * hour;
const largestFile = 64 * 1024;
const keptKeys = 8;

/**
 * `data`: `~/.ocp`, where `releases-seen.json` holds one date for each key that signs releases. A file that is damaged
 * or says the future counts as missing and is replaced. The binary's own release is known without it.
 */
export function createListDates(data: string, { releaseKey, releaseDate }: Build, now: () => number): ListDates {
  const file = join(data, "releases-seen.json");
  const isPossible = (date: number) => date <= now() + tolerance;

  function newestKnown(): number {
    const dates = [readDates(file).get(releaseKey ?? ""), releaseDate ?? undefined].map((text) =>
      Date.parse(text ?? ""),
    );
    return Math.max(0, ...dates.filter(isPossible));
  }

  return {
    objection(list, url) {
      if (!isPossible(list.getTime())) {
        return `The list of releases at ${url} is from ${minute(list)}, and this machine's clock says ${minute(new Date(now()))}. Set the clock; if it is right, the list is wrong.`;
      }
      const known = newestKnown();
      if (list.getTime() >= known) return null;
      return `The list of releases at ${url} is from ${minute(list)}, and this machine knows a newer one, from ${minute(new Date(known))}. A mirror is behind, or somebody replays an old list.`;
    },

    record(list) {
      try {
        if (list.getTime() <= newestKnown() && readDates(file).has(releaseKey ?? "")) return null;
        const others = [...readDates(file)].filter(([key]) => key !== releaseKey).slice(1 - keptKeys);
        const dates = Object.fromEntries([...others, [releaseKey ?? "", list.toISOString()]]);
        mkdirSync(data, { recursive: true, mode: 0o700 });
        removeScratch(file);
        // A link leads to another file, which is not overwritten.
        if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(file);
        writeWhole(file, `${JSON.stringify(dates, null, 2)}\n`, 0o600);
        return null;
      } catch (error) {
        return `The date of this list cannot be kept in ${file} (${(error as NodeJS.ErrnoException).code ?? "unknown"}).`;
      }
    },
  };
}

/** By key; empty for whatever is not such a file. A pipe is not opened, because reading it may never end. */
function readDates(file: string): Map<string, string> {
  try {
    const found = lstatSync(file);
    if (!found.isFile() || found.size > largestFile) return new Map();
    const entries = Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>);
    return new Map(entries.filter((entry): entry is [string, string] => !Number.isNaN(Date.parse(String(entry[1])))));
  } catch {
    return new Map();
  }
}

/** A sentence with the date of a list (ISO 8601) and its age. A list that stays old may be all that is let through. */
export function listAge(date: string, now: number): string {
  const list = new Date(date);
  const days = Math.floor((now - list.getTime()) / (24 * hour));
  const age = days < 1 ? "less than a day old" : days === 1 ? "1 day old" : `${days} days old`;
  return `The list of releases is from ${minute(list)}, ${age}.`;
}

function minute(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
