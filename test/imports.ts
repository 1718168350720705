/** Reads the import statements of our sources, type imports too, which a bundler would not show. */

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

export interface Import {
  /** Paths from the project's root. */
  from: string;
  /** A path from the project's root, or the name of a package or of a built-in module. */
  to: string;
  typeOnly: boolean;
}

export const root = join(import.meta.dir, "..");

/** All imports of the TypeScript files under a folder. */
export function importsUnder(folder: string): Import[] {
  const files = [...new Glob("**/*.ts").scanSync(join(root, folder))].map((file) => join(folder, file)).sort();
  return files.flatMap((from) => importsOf(from, readFileSync(join(root, from), "utf8")));
}

const statement = /^(?:import|export)\s+(type\s+)?(?:[\w*{][^;"]*?\sfrom\s+)?"([^"]+)"/gm;
const dynamic = /\bimport\(\s*"([^"]+)"/g;

/** The imports in one file's text. A dynamic import in a type position counts as a value: there is a better way. */
export function importsOf(from: string, source: string): Import[] {
  const found = [...source.matchAll(statement)].map(([, type, to]) => ({ to: to!, typeOnly: type !== undefined }));
  const loaded = [...source.matchAll(dynamic)].map(([, to]) => ({ to: to!, typeOnly: false }));
  return [...found, ...loaded].map(({ to, typeOnly }) => ({
    from,
    to: to.startsWith(".") ? relative(root, join(root, dirname(from), to)) : to,
    typeOnly,
  }));
}
