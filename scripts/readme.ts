/**
 * Writes the tables of README.md that the code knows better: `bun scripts/readme.ts`.
 * A table stands between `<!-- name -->` and `<!-- /name -->`; test/readme.test.ts fails when one is out of date.
 */

import { join } from "node:path";
import modelsFile from "../models.json";
import { keyOf } from "../src/config/live.ts";
import { defaultText, type Setting, settings } from "../src/config/settings.ts";

const readme = join(import.meta.dir, "..", "README.md");

/** The README's text with every table made anew. Throws when a place for one is missing. */
export function renderReadme(text: string): string {
  let result = text;
  for (const [name, table] of Object.entries({ settings: settingsTable(), models: modelsTable() })) {
    const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!place.test(result)) throw new Error(`README.md has no place for the table of ${name}.`);
    result = result.replace(place, (_, open, close) => `${open}${table}${close}`);
  }
  return result;
}

function settingsTable(): string {
  const rows = (settings as readonly Setting[]).map((setting) => {
    const flag = setting.flag === null ? "" : `\`--${setting.flag}\``;
    const live = setting.live ? `\`${keyOf(setting)}\`` : "";
    return [`\`${setting.env}\``, flag, live, defaultText(setting), setting.description];
  });
  return table(["variable", "flag", "while it runs", "default", "what it does"], rows);
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
