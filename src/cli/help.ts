/** The help texts: citty's usage page, and for `ocp serve` the settings that only the environment sets. */

import { type CommandDef, renderUsage } from "citty";
import { defaultText, type Setting, settings } from "../config/settings.ts";
import { columns } from "./output.ts";
import { version } from "./version.ts";

/** The page of one command, or of all. */
export async function renderHelp(
  command: CommandDef | undefined,
  commands: ReadonlyMap<string, CommandDef>,
): Promise<string> {
  const root: CommandDef = {
    meta: { name: "ocp", version, description: "Your logged-in claude CLI as an API for every IDE and agent" },
    subCommands: Object.fromEntries(commands),
  };
  const page = command === undefined ? await renderUsage(root) : await renderUsage(command, root);
  const rest = command !== undefined && command === commands.get("serve") ? environment() : "";
  return `${page}\n${rest}`.replace(/ +$/gm, "");
}

function environment(): string {
  const rows = (settings as readonly Setting[])
    .filter((setting) => setting.flag === null)
    .map((setting) => {
      const preset = setting.default === undefined ? "" : ` [default ${defaultText(setting)}]`;
      return [`  ${setting.env}`, `${setting.description}${preset}`];
    });
  return `ENVIRONMENT\n\n${columns(rows)}`;
}
