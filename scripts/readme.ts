/**
 * Writes the tables of README.md that the code knows better: `bun run readme`.
 * A table stands between `<!-- name -->` and `<!-- /name -->`; test/readme.test.ts fails when one is out of date.
 */

import { join } from "node:path";
import type { CommandDef, CommandMeta } from "citty";
import modelsFile from "../models.json";
import { below, commands } from "../src/cli/commands.ts";
import { exitCodeRows } from "../src/cli/output.ts";
import { keyOf } from "../src/config/live.ts";
import { defaultText, type Setting, settings } from "../src/config/settings.ts";
import { variables } from "../src/config/variables.ts";
import { startReasons } from "../src/core/start-reasons.ts";

const readme = join(import.meta.dir, "..", "README.md");

/** The README's text with every table made anew. Throws when a place for one is missing. */
export function renderReadme(text: string): string {
  let result = text;
  const tables = {
    commands: commandsTable(),
    codes: codesTable(),
    settings: settingsTable(),
    variables: variablesTable(),
    models: modelsTable(),
    reasons: reasonsTable(),
  };
  for (const [name, table] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!place.test(result)) throw new Error(`README.md has no place for the table of ${name}.`);
    result = result.replace(place, (_, open, close) => `${open}${table}${close}`);
  }
  return result;
}

function commandsTable(): string {
  const row = (name: string, { meta }: CommandDef) => [`\`ocp ${name}\``, String((meta as CommandMeta).description)];
  const rows = [...commands].flatMap(([name, command]) => {
    const inner = Object.entries(below(command)).map(([sub, each]) => row(`${name} ${sub}`, each));
    return command.run || inner.length === 0 ? [row(name, command), ...inner] : inner;
  });
  return table(["command", "what it does"], rows);
}

function codesTable(): string {
  return table(
    ["exit code", "means"],
    exitCodeRows.map((row) => [...row]),
  );
}

function variablesTable(): string {
  return table(
    ["variable", "what it does"],
    variables.map(([name, meaning]) => [`\`${name}\``, meaning]),
  );
}

function settingsTable(): string {
  const rows = (settings as readonly Setting[]).map((setting) => {
    const flag = setting.flag === null ? "" : `\`--${setting.flag}\``;
    const live = setting.live ? `\`${keyOf(setting)}\`` : "";
    return [`\`${setting.env}\``, flag, live, defaultText(setting), setting.description];
  });
  return table(["variable", "flag", "while it runs", "default", "what it does"], rows);
}

function reasonsTable(): string {
  return table(
    ["reason", "what happened"],
    Object.entries(startReasons).map(([reason, meaning]) => [`\`${reason}\``, meaning]),
  );
}

function modelsTable(): string {
  const aliases: Record<string, string> = modelsFile.aliases;
  const rows = modelsFile.models.map(({ id, contextWindow, maxTokens }) => {
    const names = Object.keys(aliases).filter((alias) => aliases[alias] === id);
    const figures = [contextWindow, maxTokens].map((tokens) => tokens.toLocaleString("en"));
    return [`\`${id}\``, names.map((alias) => `\`${alias}\``).join(", "), ...figures];
  });
  return table(["model", "also", "context, tokens", "answer, tokens"], rows);
}

function table(head: string[], rows: string[][]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`).join("");
}

if (import.meta.main) {
  const before = await Bun.file(readme).text();
  await Bun.write(readme, renderReadme(before));
}
