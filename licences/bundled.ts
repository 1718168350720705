/** Asks the bundler which files are in the binary: those of the program, and those of the dashboard's page. */

import { join, resolve } from "node:path";
import { buildDashboard } from "../dashboard/build.ts";

const main = join(import.meta.dir, "..", "src", "main.ts");

/** Absolute paths. Throws what the bundler says. */
export async function bundledFiles(entrypoint = main): Promise<string[]> {
  const page = await buildDashboard();
  const built = await Bun.build({ entrypoints: [entrypoint], target: "bun", metafile: true });
  if (!built.success || built.metafile === undefined) throw new Error(built.logs.join("\n"));
  return [...filesOf(built.metafile), ...page.files];
}

/** Bun names the files of a build below the working directory. */
export function filesOf({ inputs }: Bun.BuildMetafile): string[] {
  return Object.keys(inputs).map((path) => resolve(path));
}
