/** argv to the command line, nothing else. `ocp --version` is answered before anything is loaded. */

import { version } from "../package.json";

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
  process.stdout.write(`${version}\n`);
} else {
  const { runCli } = await import("./cli/root.ts");
  process.exit(await runCli(argv, process));
}
