/** What a client of the server is to `ocp connect`: how it is found, and what it needs in which of its files. */

import type { OwnedEdit } from "../edit/format.ts";
import type { FormatName } from "../edit/formats.ts";
import type { Place } from "./place.ts";

/** A model that the server serves; sizes in tokens. */
export interface ServedModel {
  id: string;
  name: string;
  contextWindow: number;
  maxOutput: number;
  images: boolean;
  reasoning: boolean;
}

export interface Endpoint {
  /** Without `/v1`: `http://192.168.1.20:3456`. */
  url: string;
  /** Null: the server asks for none, and clients that want one get `none`. */
  key: string | null;
  models: readonly ServedModel[];
  /** What is chosen where one model is wanted, and where a small one does. */
  main: ServedModel;
  small: ServedModel;
  /** The server reads this home itself, so that its own CLI would come back to it. */
  isHere: boolean;
}

export interface Wishes {
  /** The client's own default model becomes one of ours. */
  setDefault: boolean;
  /** `role`: what our model is to be among those of OpenClaw; null: what changes no choice. */
  openclaw: { name: string; role: "primary" | "backup" | null };
}

/** Which of the server's APIs a client speaks. */
export type Dialect = "chat" | "responses" | "messages";

export interface PlannedFile {
  path: string;
  format: FormatName;
  edits: OwnedEdit[];
  /** Others on this machine must not read it then. */
  holdsKey: boolean;
}

/** A program that is told the same as the files; `undo` takes it back. */
export interface PlannedCommand {
  run: string[];
  undo: string[];
}

export type Plan =
  | {
      kind: "write";
      files: PlannedFile[];
      commands?: PlannedCommand[];
      /** Null: nothing of it speaks to the server by itself. */
      dialect: Dialect | null;
      /** What the user has to know or do, a sentence each. */
      notes: string[];
    }
  | { kind: "hint"; lines: string[] }
  | { kind: "refused"; why: string };

export interface Client {
  /** As `--only` names it. */
  id: string;
  name: string;
  /** Whether it seems to be on this machine. */
  detect(place: Place): boolean;
  plan(place: Place, endpoint: Endpoint, wishes: Wishes): Plan;
}

/** For clients that want a key even where the server does not. */
export function keyOrNone({ key }: Endpoint): string {
  return key ?? "none";
}

export function edit(path: OwnedEdit["path"], value: unknown): OwnedEdit {
  return { path, value, own: false };
}

/** What is at the path bears our name, so it is ours whoever changed it. */
export function ownEdit(path: OwnedEdit["path"], value: unknown): OwnedEdit {
  return { path, value, own: true };
}
