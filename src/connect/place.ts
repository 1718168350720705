/** The user's machine as the clients look at it. */

import { lstatSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { readText } from "../config/whole-file.ts";
import { unmarked } from "../edit/format.ts";
import { type FormatName, formats } from "../edit/formats.ts";

export interface Place {
  home: string;
  /** `~/.config`, or where the user has it. */
  config: string;
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  exists(path: string): boolean;
  /** Whether the path is a program of the user's PATH. */
  hasProgram(name: string): boolean;
  /** The names in a directory; none when it cannot be read. */
  list(path: string): string[];
  /** The text of a file as it would be without us; null when there would be none. */
  read(path: string): string | null;
}

/** `without`: what files say once what an earlier connection wrote is taken back; undefined: they hold nothing of it. */
export function createPlace(
  { home, env, platform }: Pick<Place, "home" | "env" | "platform">,
  without: (path: string) => string | null | undefined = () => undefined,
): Place {
  const read = (path: string) => {
    const text = without(path);
    return text === undefined ? readText(path) : text;
  };
  return {
    home,
    config: configHome(home, env),
    env,
    platform,
    // A file that is there only because of us is not there.
    exists(path) {
      const text = without(path);
      return text === undefined ? lstatSync(path, { throwIfNoEntry: false }) !== undefined : text !== null;
    },
    hasProgram: (name) => Bun.which(name, { PATH: env.PATH ?? "" }) !== null,
    list(path) {
      try {
        return statSync(path).isDirectory() ? readdirSync(path) : [];
      } catch {
        return [];
      }
    },
    read,
  };
}

export function configHome(home: string, env: Place["env"]): string {
  const wanted = env.XDG_CONFIG_HOME ?? "";
  return isAbsolute(wanted) ? wanted : join(home, ".config");
}

/** What the file says; undefined when it is not there, or not understood, which is found where it is to be changed. */
export function settingsIn(place: Place, path: string, format: FormatName): unknown {
  try {
    const text = place.read(path);
    if (text === null) return undefined;
    return formats[format].read(unmarked(text).text);
  } catch {
    return undefined;
  }
}

/** Of editors built from VS Code, whether one has the extension: its id in lower case. */
export function hasExtension(place: Place, id: string): boolean {
  return [".vscode", ".vscode-server", ".vscode-oss", ".cursor", ".windsurf"].some((editor) =>
    place.list(join(place.home, editor, "extensions")).some((name) => name.toLowerCase().startsWith(`${id}-`)),
  );
}

/** Where VS Code keeps the user's settings. */
export function vscodeSettings(place: Place): string {
  const above = place.platform === "darwin" ? join(place.home, "Library", "Application Support") : place.config;
  return join(above, "Code", "User", "settings.json");
}
