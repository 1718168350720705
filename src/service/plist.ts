/** The text of a launchd property list (launchd.plist(5)), and what is read out of one. */

import { between } from "../core/text.ts";

export interface PlistOptions {
  label: string;
  program: string;
  environment: Readonly<Record<string, string>>;
  /** Where what it says goes. */
  output: string;
}

export function plistText({ label, program, environment, output }: PlistOptions): string {
  const text = (value: string) => `<string>${encode(value)}</string>`;
  const variables = Object.entries(environment).map(
    ([name, value]) => `    <key>${encode(name)}</key>${text(value)}\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>${text(label)}
  <key>ProgramArguments</key>
  <array>
    ${text(program)}
    <string>serve</string>
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join("")}  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>ThrottleInterval</key><integer>5</integer>
  <key>ExitTimeOut</key><integer>20</integer>
  <key>Umask</key><integer>63</integer>
  <key>ProcessType</key><string>Interactive</string>
  <key>StandardOutPath</key>${text(output)}
  <key>StandardErrorPath</key>${text(output)}
</dict>
</plist>
`;
}

/** The strings under `EnvironmentVariables`; nothing when there are none. */
export function environmentIn(text: string): Record<string, string> {
  const dict = valueIn(text, "EnvironmentVariables", "dict")?.inside ?? "";
  const found: Array<[string, string]> = [];
  let from = 0;
  for (let key = between(dict, "<key>", "</key>"); key; key = between(dict, "<key>", "</key>", from)) {
    const value = elementAt(dict, key.end, "string");
    if (value) found.push([decode(key.inside), decode(value.inside)]);
    from = value?.end ?? key.end;
  }
  return Object.fromEntries(found);
}

/** The first of `ProgramArguments`; null when there is none. */
export function programIn(text: string): string | null {
  const list = valueIn(text, "ProgramArguments", "array")?.inside;
  const found = list === undefined ? null : elementAt(list, 0, "string");
  return found && decode(found.inside);
}

/** The element right behind a key. */
function valueIn(text: string, key: string, tag: string) {
  const at = text.indexOf(`<key>${key}</key>`);
  return at < 0 ? null : elementAt(text, at + `<key>${key}</key>`.length, tag);
}

/** The element that begins at `from`, but for white space before it; null: it is another. */
function elementAt(text: string, from: number, tag: string) {
  let at = from;
  while (text[at]?.trim() === "") at++;
  return text.startsWith(`<${tag}>`, at) ? between(text, `<${tag}>`, `</${tag}>`, at) : null;
}

function encode(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function decode(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => named[name] as string);
}
