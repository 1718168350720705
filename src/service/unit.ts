/** The text of a systemd unit (systemd.service(5), systemd.exec(5)), and what is read out of an older one. */

import { OcpError } from "../core/errors.ts";

/** The first line of a unit that `ocp install` wrote. */
export const marker = "# Written by `ocp install`. Lines of your own stay; a drop-in (systemctl edit) is safer still.";

export interface UnitOptions {
  program: string;
  environmentFile: string;
  /** Of the system: the user that it runs as; null: a unit of the user's own manager. */
  user: string | null;
}

/** Without anything of the user's. Throws OcpError not_ready for a program whose path systemd does not take. */
export function unitText({ program, environmentFile, user }: UnitOptions): string {
  if (/["'\\\p{Cc}]/u.test(program)) {
    throw new OcpError(
      "not_ready",
      `systemd takes no program with quotes or backslashes in its path: move ${program}.`,
    );
  }
  const system = user !== null;
  return `${marker}

[Unit]
Description=OCP, your claude CLI as an API
${system ? "Wants=network-online.target\nAfter=network-online.target\n" : ""}StartLimitIntervalSec=0

[Service]
${system ? `User=${user}\n` : ""}ExecStart=${quote(program)} serve
EnvironmentFile=-${environmentFile.replaceAll("%", "%%")}
Restart=always
RestartSec=5
RestartPreventExitStatus=2
KillMode=mixed
TimeoutStopSec=20
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
${system ? systemHardening : ""}
[Install]
WantedBy=${system ? "multi-user.target" : "default.target"}
`;
}

/** What a manager of the system can do beyond; the CLI needs its home, the network, and memory that runs as code. */
const systemHardening = `ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
`;

/** A word in which nothing is a specifier or an escape; `$` means nothing in a program's path or in `Environment=`. */
function quote(word: string): string {
  return `"${word.replace(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
}

/**
 * `text` with the lines of `existing` whose keys it does not set itself, each in its section: those the user added.
 * Of a unit that others wrote (the marker is missing), only the environment is the user's.
 */
export function keepAdditions(text: string, existing: string): string {
  const ours = sectionsOf(text);
  const foreign = !existing.startsWith(marker);
  let result = text;
  for (const [section, lines] of sectionsOf(existing)) {
    const known = new Set((ours.get(section) ?? []).map(keyOf));
    const kept = lines.filter((line) => !known.has(keyOf(line)) && (!foreign || keyOf(line) === "Environment"));
    if (kept.length === 0) continue;
    const place = new RegExp(`(\\[${section}\\]\\n(?:.+\\n)*)`);
    result = place.test(result)
      ? result.replace(place, (whole) => `${whole}${kept.join("\n")}\n`)
      : `${result}\n[${section}]\n${kept.join("\n")}\n`;
  }
  return result;
}

/** The lines that set something, by section; a line that ends in a backslash goes on in the next. */
function sectionsOf(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.replace(/\\\r?\n/g, " ").split(/\r?\n/)) {
    const section = /^\[([A-Za-z]+)\]\s*$/.exec(line)?.[1];
    if (section !== undefined) {
      lines = sections.get(section) ?? [];
      sections.set(section, lines);
    } else if (/^\w[\w-]*\s*=/.test(line)) lines.push(line.trim());
  }
  return sections;
}

function keyOf(line: string): string {
  return line.slice(0, line.indexOf("=")).trim();
}

/** The variables of a unit's `Environment=` lines. */
export function environmentOf(text: string): Record<string, string> {
  const lines = sectionsOf(text).get("Service") ?? [];
  const words = lines
    .filter((line) => keyOf(line) === "Environment")
    .flatMap((line) => wordsOf(line.slice(line.indexOf("=") + 1)));
  const pairs = words.map((word) => /^([A-Za-z_]\w*)=(.*)$/s.exec(word)).filter((match) => match !== null);
  return Object.fromEntries(pairs.map(([, name, value]) => [name as string, value as string]));
}

/** Without these variables in its `Environment=` lines; a line that is empty then goes. */
export function withoutVariables(text: string, names: ReadonlySet<string>): string {
  return text
    .split("\n")
    .flatMap((line) => {
      if (!/^\s*Environment\s*=/.test(line)) return [line];
      const left = wordsOf(line.slice(line.indexOf("=") + 1)).filter((word) => !names.has(word.split("=", 1)[0] ?? ""));
      return left.length === 0 ? [] : [`Environment=${left.map(quote).join(" ")}`];
    })
    .join("\n");
}

/** Words as systemd splits them: quotes of both kinds, a backslash takes the next character as it is, `%%` is `%`. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let escaped = false;
  let quote: string | null = null;
  for (const char of text) {
    if (escaped || (char !== "\\" && quote !== null && char !== quote)) {
      word = (word ?? "") + char;
      escaped = false;
    } else if (char === "\\") escaped = true;
    else if (quote !== null) quote = null;
    else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (char.trim() === "") {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + char;
  }
  if (word !== null) words.push(word);
  return words.map((each) => each.replaceAll("%%", "%"));
}
