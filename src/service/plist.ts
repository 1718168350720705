/** The text of a launchd property list (launchd.plist(5)), and what is read out of one. */

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
  const dict = /<key>EnvironmentVariables<\/key>\s*<dict>([\s\S]*?)<\/dict>/.exec(text)?.[1] ?? "";
  const pairs = dict.matchAll(/<key>([\s\S]*?)<\/key>\s*<string>([\s\S]*?)<\/string>/g);
  return Object.fromEntries([...pairs].map(([, name = "", value = ""]) => [decode(name), decode(value)]));
}

/** The first of `ProgramArguments`; null when there is none. */
export function programIn(text: string): string | null {
  const found = /<key>ProgramArguments<\/key>\s*<array>\s*<string>([\s\S]*?)<\/string>/.exec(text)?.[1];
  return found === undefined ? null : decode(found);
}

function encode(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function decode(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => named[name] as string);
}
