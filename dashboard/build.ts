/** Bundles the page to three files: HTML, a script, a style sheet. Nothing in them leads to another host. */

import { join, resolve } from "node:path";
import type { Asset } from "./assets.ts";

const page = join(import.meta.dir, "page");

export interface Dashboard {
  assets: Asset[];
  /** Absolute paths of all that is in them. */
  files: string[];
}

export async function buildDashboard(): Promise<Dashboard> {
  const built = await Bun.build({
    entrypoints: [join(page, "main.tsx")],
    target: "browser",
    minify: true,
    metafile: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const [script] = built.outputs.filter(({ kind }) => kind === "entry-point");
  if (!built.success || script === undefined || built.metafile === undefined) throw new Error(built.logs.join("\n"));
  const chartsFile = Bun.resolveSync("uplot/dist/uPlot.min.css", import.meta.dir);
  const charts = await Bun.file(chartsFile).text();
  const own = await Bun.file(join(page, "style.css")).text();
  const assets = [
    { path: "index.html", type: "text/html; charset=utf-8", text: await Bun.file(join(page, "index.html")).text() },
    { path: "app.js", type: "text/javascript; charset=utf-8", text: await script.text() },
    { path: "app.css", type: "text/css; charset=utf-8", text: `${charts}\n${own}` },
  ];
  return { assets, files: [chartsFile, ...Object.keys(built.metafile.inputs).map((path) => resolve(path))] };
}
