/**
 * The shells, and the programs that a desktop starts: OpenAI's variables, which most SDKs and many tools read. None of
 * Anthropic's, which would turn this machine's own claude to the server.
 */

import { realpathSync } from "node:fs";
import { join } from "node:path";
import { type Client, type Endpoint, edit, keyOrNone, ownEdit, type PlannedFile } from "../client.ts";
import type { Place } from "../place.ts";

const mark = "# added by ocp connect; ocp disconnect removes it";

export const shell: Client = {
  id: "shell",
  name: "Shell",
  detect: () => true,
  plan(place, endpoint) {
    const variables = Object.entries(variablesOf(endpoint));
    const sh = join(place.config, "ocp", "env.sh");
    const fish = join(place.config, "ocp", "env.fish");
    const line = `if [ -r ${quoted(sh)} ]; then . ${quoted(sh)}; fi ${mark}`;
    const fishLine = `if test -r ${fishQuoted(fish)}; source ${fishQuoted(fish)}; end ${mark}`;
    const posix = posixFiles(place);
    const fishRc = fishFile(place);
    const desktop = desktopFile(place, variables);
    const isMac = place.platform === "darwin";
    return {
      kind: "write",
      dialect: "chat",
      files: [
        own(
          sh,
          variables.map(([name, value]) => `export ${name}=${quoted(value)}`),
        ),
        ...posix.map((path) => rc(path, line)),
        ...(fishRc === null
          ? []
          : [
              own(
                fish,
                variables.map(([name, value]) => `set -gx ${name} ${fishQuoted(value)}`),
              ),
              rc(fishRc, fishLine),
            ]),
        ...(desktop === null ? [] : [desktop]),
      ],
      commands: isMac
        ? variables.map(([name, value]) => ({
            run: ["launchctl", "setenv", name, value],
            undo: ["launchctl", "unsetenv", name],
          }))
        : [],
      notes: [
        `Open a new shell, or source it: . ${quoted(sh)}`,
        ...(isMac
          ? ["Programs that the Dock starts know it until the next restart of this Mac, which forgets it."]
          : []),
        ...(desktop === null ? [] : ["Programs that the desktop starts know it from the next login on."]),
      ],
    };
  },
};

/** `OCP_API_KEY` is what Zed reads for a provider of our name. */
function variablesOf(endpoint: Endpoint): Record<string, string> {
  const [url, key] = [`${endpoint.url}/v1`, keyOrNone(endpoint)];
  return { OPENAI_BASE_URL: url, OPENAI_API_BASE: url, OPENAI_API_KEY: key, OCP_API_KEY: key };
}

/** What the user's shells read when they start, of those that are here. */
function posixFiles({ home, env, platform, exists, hasProgram }: Place): string[] {
  const login = env.SHELL?.split("/").at(-1);
  const zshrc = join(env.ZDOTDIR || home, ".zshrc");
  const isMac = platform === "darwin";
  const files = [
    { path: join(home, ".bashrc"), wanted: login === "bash" && !isMac },
    // Terminal starts login shells.
    { path: join(home, ".bash_profile"), wanted: login === "bash" && isMac, onlyIf: isMac },
    { path: zshrc, wanted: login === "zsh" || (isMac && hasProgram("zsh")) },
  ];
  const found = files.filter(({ path, wanted, onlyIf = true }) => onlyIf && (wanted || exists(path)));
  // Two of them may be one file, by a link.
  if (found.length > 0 || login === "fish") return [...new Map(found.map(({ path }) => [realOf(path), path])).values()];
  return [join(home, ".profile")];
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function fishFile({ config, env, exists }: Place): string | null {
  const directory = join(config, "fish");
  return env.SHELL?.endsWith("/fish") || exists(directory) ? join(directory, "config.fish") : null;
}

/** What systemd gives to the programs of a session: https://www.freedesktop.org/software/systemd/man/environment.d.html */
function desktopFile(place: Place, variables: Array<[string, string]>): PlannedFile | null {
  const directory = join(place.config, "environment.d");
  if (place.platform !== "linux" || !(place.exists(directory) || place.exists("/run/systemd/system"))) return null;
  // A dollar sign would begin a variable there.
  if (variables.some(([, value]) => !/^[\w.~+/=:@[\]-]*$/.test(value))) return null;
  return own(
    join(directory, "60-ocp.conf"),
    variables.map(([name, value]) => `${name}=${value}`),
  );
}

function own(path: string, lines: readonly string[]): PlannedFile {
  const text = [`${mark}`, ...lines, ""].join("\n");
  return { path, format: "whole", edits: [ownEdit([], text)], holdsKey: true };
}

function rc(path: string, line: string): PlannedFile {
  return { path, format: "lines", edits: [edit([{ is: line }], line)], holdsKey: false };
}

/** For a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
