/** Bundles the page to three files: HTML, a script, a style sheet. Nothing in them leads to another host. */

import { join } from "node:path";
import type { Asset } from "./assets.ts";

const page = join(import.meta.dir, "page");

export async function buildDashboard(): Promise<Asset[]> {
  const built = await Bun.build({
    entrypoints: [join(page, "main.tsx")],
    target: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const [script] = built.outputs.filter(({ kind }) => kind === "entry-point");
  if (!built.success || script === undefined) throw new Error(built.logs.join("\n"));
  const charts = await Bun.file(Bun.resolveSync("uplot/dist/uPlot.min.css", import.meta.dir)).text();
  const own = await Bun.file(join(page, "style.css")).text();
  return [
    { path: "index.html", type: "text/html; charset=utf-8", text: await Bun.file(join(page, "index.html")).text() },
    { path: "app.js", type: "text/javascript; charset=utf-8", text: await script.text() },
    { path: "app.css", type: "text/css; charset=utf-8", text: `${charts}\n${own}` },
  ];
}
