/** The help texts: citty's usage page, and for `ocp serve` the settings that only the environment sets. */

import { type CommandDef, renderUsage } from "citty";
import { defaultText, type Setting, settings } from "../config/settings.ts";
import { columns } from "./output.ts";
import { version } from "./version.ts";

/** The page that lists all commands. */
export async function renderOverview(commands: ReadonlyMap<string, CommandDef>): Promise<string> {
  return finished(await renderUsage({ ...root, subCommands: Object.fromEntries(commands) }));
}

/** The page of one command; `path` are the words that name it. */
export async function renderPage({ path, command }: { path: readonly string[]; command: CommandDef }): Promise<string> {
  const parent = { meta: { ...root.meta, name: ["ocp", ...path.slice(0, -1)].join(" ") } };
  const rest = path.join(" ") === "serve" ? environment() : "";
  return finished(await renderUsage(command, parent), rest);
}

const root: CommandDef = {
  meta: { name: "ocp", version, description: "Your logged-in claude CLI as an API for every IDE and agent" },
};

function finished(page: string, rest = ""): string {
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
