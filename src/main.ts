/** argv to the command line, nothing else. `ocp --version` is answered before anything is loaded. */

import { build } from "./config/build.ts";
import { workerCommand } from "./schema/job.ts";

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
  // biome-ignore lint/suspicious/noConsole: process.stdout loads Node's streams, half of the time that this takes
  console.log(build.version);
} else if (argv[0] === workerCommand && process.send !== undefined) {
  // Started by the server alone: no command for people.
  const { serveJobs } = await import("./schema/worker.ts");
  serveJobs(process);
} else {
  const { runCli } = await import("./cli/root.ts");
  process.exit(await runCli(argv, process));
}
