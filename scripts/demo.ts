/** `bun run demo`: serves simulated answers through the newest CLI of the dev dependencies. */

import { join } from "node:path";
import { claudeBinary } from "../test/harness/claude.ts";

const main = join(import.meta.dir, "..", "src", "main.ts");
process.env.CLAUDE_BIN ??= claudeBinary();
process.argv = [process.execPath, main, "serve", "--demo", ...process.argv.slice(2)];
await import("../src/main.ts");
