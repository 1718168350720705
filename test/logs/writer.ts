/** One of several processes that write one log: `bun writer.ts DIRECTORY NAME COUNT`. */

import { createLog } from "../../src/logs/log.ts";

const [, , directory = "", writer, count] = process.argv;
const log = createLog({
  directory,
  limits: () => ({ level: "info", maxBytes: 50_000, keep: 100 }),
  secrets: [],
  stderr: (line) => line.includes(" warn ") && process.stderr.write(line),
  now: Date.now,
});
process.on("exit", log.flush);
for (let number = 0; number < Number(count); number++) {
  log.info("entry", { writer, number, filler: "x".repeat(200) });
  if (number % 7 === 0) log.flush();
  if (number % 50 === 0) await Bun.sleep(1);
}
