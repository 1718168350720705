/**
 * What a server takes away of earlier ones bears exactly the names that servers give. Nothing else goes, whatever it is
 * called and wherever a link leads: the owner's home least of all.
 */

import { expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { prepareScratch } from "../../src/claude/scratch.ts";
import { forgetHome, prepareHome } from "../../src/claude/terminal/home.ts";
import { OcpError } from "../../src/core/errors.ts";
import { createRandom } from "../harness/random.ts";
import { createTemp, type Temp } from "../harness/temp.ts";

const id = "0b0e7c3e-0000-4000-8000-000000000000";
/** Beyond the largest number that Linux gives a process. */
const gone = "999999999";

function put(path: string, text = "kept"): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Each entry below, links as what they are, with the text of files. */
function contents(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = entry.isFile() ? readFileSync(path, "utf8") : entry.isSymbolicLink() ? "link" : "directory";
      return [path.slice(directory.length + 1), text];
    }),
  );
}

/** The owner's home with a login and a history, and a server's directories in it. */
async function owner(): Promise<{
  temp: Temp;
  settings: Parameters<typeof prepareHome>[0];
  real: Parameters<typeof prepareHome>[1];
  tui: string;
  outside: string;
}> {
  const temp = await createTemp();
  const config = join(temp.home, ".claude");
  for (const name of [
    ".credentials.json",
    "history.jsonl",
    "paste-cache/a",
    "projects/mine/a.jsonl",
    "todos/mine.json",
  ])
    put(join(config, name));
  put(join(temp.home, ".claude.json"), "{}");
  const outside = join(temp.home, "documents");
  put(join(outside, "thesis.txt"));
  const tui = join(temp.home, ".ocp", "tui");
  mkdirSync(join(tui, "sessions"), { recursive: true });
  return {
    temp,
    tui,
    outside,
    real: { home: temp.home, claudeConfig: config },
    settings: {
      home: { path: join(tui, "home"), ours: true },
      cwd: join(tui, "work"),
      sessions: join(tui, "sessions"),
      entrypoint: "auto",
      effort: "low",
      poolSize: 0,
    },
  };
}

const prefixes = [gone, "4194000", "0", "1", "-1", "01", "1e9", "0x10", "", ".", ".."];
const ids = [
  "",
  ".",
  "..",
  "..%2f..",
  "..\\..",
  "-",
  "*",
  "credentials.json",
  "mine.json",
  ".jsonl",
  `${id}.`,
  `${id}x`,
  `${id}\n`,
  `\n${id}`,
  id.toUpperCase(),
  id.replaceAll("-", ""),
  id.replace("0b0e", "/../".replaceAll("/", "\u2215")),
  "a".repeat(200),
];

/** Names from the hostile parts, and random ones of the bytes that matter. */
function hostileNames(): string[] {
  const random = createRandom(20_261_130);
  const letters = "0123456789abcdef-. \n%*\u0001\u202e";
  const made = Array.from({ length: 400 }, () =>
    Array.from({ length: random.between(1, 50) }, () => random.pick([...letters])).join(""),
  );
  const all = prefixes.flatMap((prefix) => ids.map((each) => `${prefix}-${each}`));
  return [...new Set([...all, ...made])].filter(
    (name) => name !== "." && name !== ".." && Buffer.byteLength(name) < 256,
  );
}

test("a name that no server gives is left alone, and so is everything of the owner's", async () => {
  const { temp, settings, real } = await owner();
  await using _ = temp;
  for (const [at, name] of hostileNames().entries()) {
    const path = join(settings.sessions, name);
    if (at % 3 === 0) writeFileSync(path, "kept");
    else put(join(path, "pid"), at % 3 === 1 ? `${at}\n../..` : "..");
  }
  const before = contents(temp.home);
  await prepareHome(settings, real);
  await forgetHome(settings, real);
  // The mode's own home and working directory are gone again, the names are not.
  expect(contents(temp.home)).toEqual(before);
  expect(before[".ocp/tui/sessions/4194000-.."]).toBeDefined();
  expect(before[".ocp/tui/sessions/4194000-"]).toBeDefined();
});

test.each([
  ["a link to a directory", (path: string, outside: string) => symlinkSync(outside, path)],
  ["a file", (path: string) => writeFileSync(path, "kept")],
  ["a link to nothing", (path: string) => symlinkSync("/nowhere", path)],
])("%s of a session's name is left alone", async (_what, make) => {
  const { temp, settings, real, outside } = await owner();
  await using _ = temp;
  make(join(settings.sessions, `${gone}-${id}`), outside);
  const before = contents(temp.home);
  await prepareHome(settings, real);
  await forgetHome(settings, real);
  expect(contents(temp.home)).toEqual(before);
});

test("a session of a server that is gone goes, with links in it, and not what the links lead to", async () => {
  const { temp, settings, real, outside } = await owner();
  await using _ = temp;
  const left = join(settings.sessions, `${gone}-${id}`);
  put(join(left, "prompt"));
  symlinkSync(outside, join(left, "images"));
  put(join(settings.home.path, ".claude", "projects", "x", `${id}.jsonl`));
  symlinkSync(temp.home, join(settings.home.path, "owner"));
  await prepareHome(settings, real);
  expect(existsSync(left)).toBe(false);
  expect(readdirSync(settings.home.path)).toEqual([]);
  expect(readFileSync(join(outside, "thesis.txt"), "utf8")).toBe("kept");
  expect(readFileSync(join(real.claudeConfig, ".credentials.json"), "utf8")).toBe("kept");
});

test("a number that the system gave to another process since proves nothing", async () => {
  const { temp, settings, real } = await owner();
  await using _ = temp;
  const other = Bun.spawn(["sleep", "60"]);
  try {
    const left = join(settings.sessions, `${gone}-${id}`);
    put(join(left, "pid"), `${other.pid}`);
    const long = new Date(Date.now() - 3_600_000);
    utimesSync(join(left, "pid"), long, long);
    const record = join(real.claudeConfig, "sessions", `${other.pid}.json`);
    put(record);
    await prepareHome(settings, real);
    expect(existsSync(left)).toBe(false);
    expect(readFileSync(record, "utf8")).toBe("kept");
  } finally {
    other.kill();
    await other.exited;
  }
});

test.each(["home", "sessions"])(
  "the mode's directory %s as a link is refused, and what it leads to is not swept",
  async (name) => {
    const { temp, settings, real, tui } = await owner();
    await using _ = temp;
    const path = join(tui, name);
    rmSync(path, { recursive: true, force: true });
    symlinkSync(temp.home, path);
    const before = contents(join(temp.home, ".claude"));
    for (const start of [prepareHome, forgetHome]) {
      const failure = await start(settings, real).then(
        () => null,
        (error) => error,
      );
      expect(failure).toBeInstanceOf(OcpError);
      expect(failure.message).toContain(`${path} is a symbolic link`);
    }
    expect(contents(join(temp.home, ".claude"))).toEqual(before);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  },
);

test("the headless mode's home takes nothing away through a link", async () => {
  const { temp, real, outside } = await owner();
  await using _ = temp;
  const path = join(temp.home, ".ocp", "spawn-home");
  mkdirSync(path, { recursive: true });
  symlinkSync(real.claudeConfig, join(path, ".claude"));
  put(join(outside, "claude-cli-nodejs", "a"));
  symlinkSync(outside, join(path, ".cache"));
  symlinkSync(outside, join(path, "tmp"));
  mkdirSync(join(path, ".claude.json.tmp.1"));
  const before = { config: contents(real.claudeConfig), outside: contents(outside) };
  const options = { path, realConfig: real.claudeConfig };
  await prepareScratch(options);
  expect({ config: contents(real.claudeConfig), outside: contents(outside) }).toEqual(before);
  // The home is to hold no login, and not the owner's by a link either.
  expect(existsSync(join(path, ".claude"))).toBe(false);

  rmSync(path, { recursive: true });
  symlinkSync(temp.home, path);
  const failure = await prepareScratch(options).catch((error) => error);
  expect(failure.message).toContain("is a symbolic link");
  expect(contents(real.claudeConfig)).toEqual(before.config);
});
