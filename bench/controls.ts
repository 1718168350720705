/** Programs that do next to nothing, compiled as our binary is: what is left of ours beside them is our own. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compileBinary } from "../scripts/compile.ts";
import type { Temp } from "../test/harness/temp.ts";

/** A binary that prints a version. Returns its path. */
export function buildPrinter(temp: Temp): Promise<string> {
  return build(temp, "printer", `console.log("1.0.0");`);
}

/** A binary that serves a greeting, and says where. Returns its path. */
export function buildGreeter(temp: Temp): Promise<string> {
  const serve = `Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") })`;
  return build(temp, "greeter", `const server = ${serve};\nconsole.log(\`http://127.0.0.1:\${server.port}\`);`);
}

async function build(temp: Temp, name: string, source: string): Promise<string> {
  const entrypoint = join(temp.path, `${name}.ts`);
  await writeFile(entrypoint, source);
  const outfile = join(temp.path, name);
  await compileBinary(entrypoint, outfile);
  return outfile;
}
