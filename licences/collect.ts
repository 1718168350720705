/** Collects the notices of the packages that bundled files belong to. A package without one is an error. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { Notice } from "./notices.ts";
import { runtimeNotice } from "./runtime.ts";
import { supplements } from "./supplements.ts";

/** All of them allow that binaries are passed on, with the notice. */
const permissive = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT", "Unlicense"];

/** `files`: absolute paths. By name. Throws an Error that names the package for a notice or a licence that is missing. */
export function collectNotices(files: readonly string[]): Notice[] {
  const directories = new Set(files.map(packageOf).filter((each) => each !== null));
  const notices = [...directories].map((directory) => noticeOf(directory, files));
  // The same version may be installed at two places.
  const distinct = new Map([...notices, runtimeNotice()].map((each) => [`${each.name}@${each.version}`, each]));
  return [...distinct.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The directory of the package that a file is in; null: it is our own. */
export function packageOf(file: string): string | null {
  return /^.*\/node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? null;
}

function noticeOf(directory: string, files: readonly string[]): Notice {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const id = `${name}@${version}`;
  if (!permissive.includes(license)) {
    throw new Error(
      `${id} has the licence ${JSON.stringify(license ?? null)}, of which it is not known that it may be bundled.`,
    );
  }
  const found = noticeFiles(directory, files);
  const supplement = supplements[name];
  if (supplement === undefined && !found.some((file) => /licen[cs]e|copying/i.test(file))) {
    throw new Error(`${id} has no licence file. Write its notice into licences/supplements.ts.`);
  }
  const texts = found.map((file) => readFileSync(join(directory, file), "utf8").trim());
  return { name, version, licence: license, text: [...(supplement ? [supplement()] : []), ...texts].join("\n\n") };
}

/**
 * Below the package, its dependencies excluded. A bundle in a package has a file of its own for what is in it, which
 * counts where that bundle is bundled.
 */
function noticeFiles(directory: string, files: readonly string[]): string[] {
  const all = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return all
    .filter((path) => !path.split("/").includes("node_modules") && isNotice(path))
    .filter((path) => {
      const bundle = path.replace(/\.LICENSE\.txt$/, "");
      return bundle === path || !existsSync(join(directory, bundle)) || files.includes(join(directory, bundle));
    })
    .sort();
}

function isNotice(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const isText = ["", ".md", ".txt"].includes(extname(name).toLowerCase()) || /^[^.]+\.(MIT|BSD|APACHE)$/i.test(name);
  return isText && /^(licen[cs]e|copying|notice|third.?party)|\.LICENSE\.txt$/i.test(name);
}
