/** How everything here is compiled to one file: the binary, and what the benchmark compares it with. */

import type { Build } from "../src/config/build.ts";

export interface CompileTarget {
  bun: Bun.Build.CompileTarget;
  /** The path of that platform's runtime. */
  executablePath: string;
}

/**
 * Compiles `entrypoint` to the executable `outfile`, for this machine or for another, as a release when `release` says
 * of which. Throws what the bundler says.
 */
export async function compileBinary(
  entrypoint: string,
  outfile: string,
  target?: CompileTarget,
  release?: Build,
): Promise<void> {
  const result = await Bun.build({
    entrypoints: [entrypoint],
    target: "bun",
    format: "esm",
    // Identifiers stay as they are: Elysia reads the source of its handlers.
    minify: { syntax: true, whitespace: true, identifiers: false },
    bytecode: true,
    splitting: true,
    // Names stay readable without a map, which would cost a megabyte.
    sourcemap: "none",
    define: {
      "process.env.NODE_ENV": '"production"',
      ...(release === undefined ? {} : { OCP_BUILD: JSON.stringify(release) }),
    },
    compile: {
      outfile,
      // A stranger's working directory must not configure us.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
      ...(target === undefined ? {} : { target: target.bun, executablePath: target.executablePath }),
    },
  });
  if (!result.success) throw new Error(result.logs.join("\n"));
}
