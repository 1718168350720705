/** The help texts: all commands in their groups, citty's page of one, and for `ocp serve` the settings that only the environment sets. */

import { type CommandDef, type CommandMeta, renderUsage } from "citty";
import { defaultText, type Setting, settings } from "../config/settings.ts";
import { withoutTrailing } from "../core/text.ts";
import { groups } from "./commands.ts";
import { columns, exitCodeRows } from "./output.ts";
import { ownColours } from "./style.ts";
import { version } from "./version.ts";

/** The page that lists all commands. */
export async function renderOverview(): Promise<string> {
  const lists = groups.map(({ title, commands }) => {
    const rows = Object.entries(commands).map(([name, { meta }]) => [
      `  ${name}`,
      String((meta as CommandMeta).description),
    ]);
    return { title, rows };
  });
  const width = Math.max(...lists.flatMap(({ rows }) => rows.map(([name = ""]) => name.length)));
  const pages = lists.map(
    ({ title, rows }) =>
      `${title.toUpperCase()}\n\n${columns(rows.map(([name = "", text = ""]) => [name.padEnd(width), text]))}`,
  );
  const codes = columns(exitCodeRows.map(([code, meaning]) => [`  ${code}`, meaning]));
  return finished(`${root.meta.description} (ocp ${version})

USAGE ocp <command> [options]

${pages.join("\n")}
EXIT CODES

${codes}
Use ocp <command> --help for more information about a command.`);
}

/** The page of one command; `path` are the words that name it. */
export async function renderPage({ path, command }: { path: readonly string[]; command: CommandDef }): Promise<string> {
  const parent = { meta: { ...root.meta, name: ["ocp", ...path.slice(0, -1)].join(" ") } };
  const rest = path.join(" ") === "serve" ? environment() : "";
  return finished(await renderUsage(command, parent), rest);
}

const root = {
  meta: { name: "ocp", version, description: "Your logged-in claude CLI as an API for every IDE and agent" },
};

function finished(page: string, rest = ""): string {
  const lines = `${page}\n${rest}`.split("\n").map((line) => withoutTrailing(line, " "));
  return ownColours(lines.join("\n"));
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
