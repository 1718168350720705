/**
 * `bun run fresh-clone`: a newcomer's first command, on a machine that has Node alone. Each of the README's commands is
 * the first in a clone of what is committed, with an empty home and a PATH without what the tests would like: as an
 * ordinary user, and as root where this runs as root. One line a command, the last is `N passed, N failed`.
 * It imports no package.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processesAtHome, waitUntilNobodyAtHome } from "../test/harness/processes.ts";
import { readmeCommand } from "./readme-commands.ts";
import { summaryLine } from "./test-summary.ts";

const root = join(import.meta.dir, "..");
/** Over the length of any honest download and installation. Ms. */
const longestRun = 10 * 60_000;
const longestEnd = 20_000;

/** Programs that every system has which can run npm. */
const tools =
  "sh env node npm npx cat chmod cp dirname head id ln ls mkdir mktemp mv ps readlink rm sed sleep tar true uname";

/** The way to the registry is the machine's, not the home's. */
const network =
  /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|npm_config_(registry|cafile|proxy|https_proxy|noproxy)|bun_config_registry)$/i;

interface User {
  name: string;
  /** Before a command; it has the ids of `uid` then. */
  become: string[];
  uid: number;
}

const own = process.getuid?.() ?? 0;
const nobody = 65_534;
const users: User[] =
  own === 0
    ? [
        { name: "root", become: [], uid: own },
        {
          name: "an ordinary user",
          become: [Bun.which("setpriv") ?? "setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"],
          uid: nobody,
        },
      ]
    : [{ name: "an ordinary user", become: [], uid: own }];

const readme = readFileSync(join(root, "README.md"), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "ocp-fresh-clone-"));
let failed = 0;
const checks = users.flatMap(
  (user) =>
    [
      ["run demo", user, demoAnswers],
      ["run test", user, testsPass],
    ] as const,
);
try {
  Bun.spawnSync(["chmod", "755", scratch]);
  for (const [words, user, check] of checks) {
    const startedAt = performance.now();
    const outcome = await attempt(() => check(readmeCommand(readme, words), place(words, user)));
    if (outcome !== "ok") failed++;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(`${words} as ${user.name}: ${outcome} (${seconds} s)`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
console.log(summaryLine({ passed: checks.length - failed, failed, skipped: 0 }, failed === 0));
process.exitCode = failed === 0 ? 0 : 1;

async function attempt(act: () => Promise<void>): Promise<string> {
  try {
    await act();
    return "ok";
  } catch (error) {
    return `FAILED: ${error instanceof Error ? error.message : error}`;
  }
}

interface Place {
  clone: string;
  home: string;
  env: Record<string, string>;
  become: string[];
}

/** A clone, an empty home, and a PATH of few programs. What was downloaded for one command serves the user's next. */
function place(words: string, { name, become, uid }: User): Place {
  const directory = join(scratch, `${words} ${name}`.replaceAll(" ", "-"));
  const [clone, home, bin] = ["clone", "home", "bin"].map((each) => join(directory, each)) as [string, string, string];
  const cache = join(scratch, `cache-${uid}`);
  for (const each of [home, bin, join(directory, "tmp"), cache]) mkdirSync(each, { recursive: true });
  // Git reads no repository of another user's unless it is told to.
  const config = join(directory, "gitconfig");
  writeFileSync(config, "[safe]\n\tdirectory = *\n");
  const env = { ...process.env, GIT_CONFIG_GLOBAL: config };
  const cloned = Bun.spawnSync(["git", "clone", "--quiet", "--no-hardlinks", root, clone], { env, stderr: "pipe" });
  if (!cloned.success) throw new Error(`git could not clone ${root}: ${cloned.stderr}`);
  for (const tool of tools.split(" ")) {
    const path = Bun.which(tool, { PATH: ownPath() });
    if (path !== null) symlinkSync(path, join(bin, tool));
  }
  if (uid !== own) Bun.spawnSync(["chown", "-R", `${uid}:${uid}`, directory, cache]);
  return { clone, home, become, env: environment(home, bin, directory, cache) };
}

function ownPath(): string {
  const directories = (process.env.PATH ?? "").split(":");
  return directories.filter((each) => !each.includes("node_modules") && !each.includes("bun-node")).join(":");
}

function environment(home: string, bin: string, directory: string, cache: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => network.test(name)) as Array<[string, string]>;
  return {
    ...Object.fromEntries(kept),
    PATH: bin,
    HOME: home,
    LANG: "C.UTF-8",
    TMPDIR: join(directory, "tmp"),
    npm_config_cache: join(cache, "npm"),
    BUN_INSTALL_CACHE_DIR: join(cache, "bun"),
    // Port 3456 may be taken; the command is the README's to the letter.
    CLAUDE_PROXY_PORT: "0",
  };
}

/** Starts the command as a shell's foreground job, which Ctrl-C ends as a whole. */
function start(command: string, { clone, env, become }: Place) {
  return Bun.spawn([...become, "sh", "-c", command], {
    cwd: clone,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
    timeout: longestRun,
    killSignal: "SIGKILL",
  });
}

/** A question is answered, and Ctrl-C ends all that the command started. */
async function demoAnswers(command: string, place: Place): Promise<void> {
  const child = start(command, place);
  const stderr = child.stderr.text();
  try {
    const { value } = await child.stdout.getReader().read();
    const url = new TextDecoder().decode(value).trim();
    if (!/^http:\/\/\S+:\d+$/.test(url)) throw new Error(`it did not print its URL, but:\n${url}${await stderr}`);
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "sonnet", messages: [{ role: "user", content: "Say hello." }] }),
    });
    const answer = await response.text();
    if (response.status !== 200 || !answer.includes("imulated"))
      throw new Error(`it answered ${response.status} ${answer}`);
    process.kill(-child.pid, "SIGINT");
    await child.exited;
    await waitUntilNobodyAtHome(place.home, longestEnd);
  } finally {
    for (const { pid } of processesAtHome(place.home)) process.kill(pid, "SIGKILL");
  }
}

/** A part of the tests runs, those that need what is not here are skipped, and the end says what to install. */
async function testsPass(command: string, place: Place): Promise<void> {
  const child = start(`${command} test/core test/cli/completions.test.ts`, place);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  const isRight = code === 0 && /^[1-9]\d* passed, 0 failed, [1-9]\d* skipped$/.test(last);
  if (
    !isRight ||
    !/ fish +\d+ in test\/cli\/completions.test.ts/.test(stderr) ||
    !/apt-get install .*fish/.test(stderr)
  )
    throw new Error(`it ended with ${code} and said:\n${stderr}${stdout}`);
}
