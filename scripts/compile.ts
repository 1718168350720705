/** How everything here is compiled to one file: the binary, and what the benchmark compares it with. */

import type { Asset } from "../dashboard/assets.ts";
import { buildDashboard } from "../dashboard/build.ts";
import { bundledFiles, filesOf } from "../licences/bundled.ts";
import { collectNotices, packageOf } from "../licences/collect.ts";
import type { Notice } from "../licences/notices.ts";
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
  // One build within the other would wait for ever.
  const { assets } = await buildDashboard();
  const listed = await bundledFiles(entrypoint);
  const notices = collectNotices(listed);
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
    metafile: true,
    define: {
      "process.env.NODE_ENV": '"production"',
      ...(release === undefined ? {} : { OCP_BUILD: JSON.stringify(release) }),
    },
    plugins: [embeddedDashboard(assets), embeddedNotices(notices)],
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
  if (!result.success || result.metafile === undefined) throw new Error(result.logs.join("\n"));
  const known = new Set(listed.map(packageOf));
  const unknown = filesOf(result.metafile)
    .map(packageOf)
    .filter((each) => !known.has(each));
  if (unknown.length > 0) throw new Error(`These are bundled without a notice: ${[...new Set(unknown)].join(", ")}`);
}

/** The page's files are in the binary; from the source, they are built when they are asked for. */
function embeddedDashboard(assets: readonly Asset[]): Bun.BunPlugin {
  return {
    name: "dashboard",
    setup(build) {
      build.onLoad({ filter: /[\\/]dashboard[\\/]assets\.ts$/ }, () => ({
        contents: `export const dashboardAssets = async () => (${JSON.stringify(assets)});`,
        loader: "js",
      }));
    },
  };
}

/** A package without a notice ends the build here. */
function embeddedNotices(notices: readonly Notice[]): Bun.BunPlugin {
  return {
    name: "licences",
    setup(build) {
      build.onLoad({ filter: /[\\/]licences[\\/]notices\.ts$/ }, () => ({
        contents: `export const licenceNotices = async () => (${JSON.stringify(notices)});`,
        loader: "js",
      }));
    },
  };
}
