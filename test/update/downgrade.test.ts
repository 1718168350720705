/** An attacker between a machine and its release server replays, withholds or damages lists that were signed rightly. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { dateAfter } from "../../scripts/release-date.ts";
import { testEnv } from "../harness/env.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { makeReleases, type Releases, target } from "./releases.ts";

let shared: Temp;
let releases: Releases;
beforeAll(async () => {
  shared = await createTemp();
  releases = makeReleases(shared.path);
  for (const version of ["4.1.0", "4.2.0"]) {
    const packed = readFileSync(join(releases.directory, version, `ocp-${target}.gz`));
    writeFileSync(join(shared.path, version), gunzipSync(packed), { mode: 0o755 });
  }
}, 240_000);
afterAll(async () => {
  releases[Symbol.dispose]();
  await shared.remove();
});

let temp: Temp;
let binary: string;
beforeEach(async () => {
  temp = await createTemp();
  mkdirSync(join(temp.home, "bin"));
  binary = join(temp.home, "bin", "ocp");
});
afterEach(async () => {
  releases.reset();
  await temp.remove();
});

const start = (version: "4.1.0" | "4.2.0") => copyFileSync(join(shared.path, version), binary);
const data = () => join(temp.home, ".ocp");
const seenFile = () => join(data(), "releases-seen.json");
const versionOf = () => Bun.spawnSync([binary, "--version"]).stdout.toString().trim();
const day = 24 * 60 * 60 * 1000;
const iso = (offset: number) => new Date(Date.now() + offset).toISOString();

async function ocp(...args: string[]) {
  const child = Bun.spawn([binary, ...args], {
    env: testEnv(temp.home, { PATH: "/usr/bin:/bin" }),
    cwd: temp.path,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

/** A program that says it is this version, and passes the test before an update. */
const program = (version: string) => `#!/bin/sh\n[ "$1" = --version ] && echo ${version}\nexit 0\n`;
const older = /The list of releases at http.* is from .*, and this machine knows a newer one, from .*/;

describe("an old list that is replayed", () => {
  test("installs nothing older, and is refused with words, by a binary that has seen no other list", async () => {
    start("4.2.0");
    releases.replay();
    const { code, stdout, stderr } = await ocp("update", "--yes");
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(older) });
    expect(stderr).toContain("Nothing was changed");
    expect(stderr).toContain("ocp update --target");
    expect(versionOf()).toBe("4.2.0");
    expect(readdirSync(data()).filter((name) => name.startsWith("upgrade-snapshot"))).toEqual([]);
  });

  test("is refused when it offers a newer version than this, but a newer list was seen", async () => {
    start("4.1.0");
    releases.add("4.3.0", program("4.3.0"));
    expect((await ocp("update", "--check")).code).toBe(10);
    expect(statSync(seenFile()).mode & 0o777).toBe(0o600);
    expect(statSync(data()).mode & 0o777).toBe(0o700);
    releases.reset();
    for (const args of [["--yes"], ["--check"], ["--dry-run"]]) {
      const { code, stdout, stderr } = await ocp("update", ...args);
      expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(older) });
    }
    expect(versionOf()).toBe("4.1.0");
    const { checks } = JSON.parse((await ocp("doctor", "--json", "--check", "update")).stdout);
    expect(checks[0]).toMatchObject({ level: "unknown", message: expect.stringMatching(older) });
    expect(JSON.stringify(checks)).not.toContain("update --yes");
  });

  test("is used when its user names a version of it, which is said", async () => {
    start("4.2.0");
    releases.replay();
    const { code, stdout, stderr } = await ocp("update", "--target", "4.1.0", "--yes");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "OCP 4.1.0 is installed.\n" });
    expect(stderr).toMatch(older);
    expect(versionOf()).toBe("4.1.0");
  }, 60_000);

  test("hinders no rollback, and the newest is offered again after it", async () => {
    start("4.1.0");
    expect((await ocp("update", "--yes")).code).toBe(0);
    releases.replay();
    expect(await ocp("update", "--rollback", "--yes")).toMatchObject({ code: 0 });
    expect(versionOf()).toBe("4.1.0");
    expect(await ocp("update", "--yes")).toMatchObject({ code: 1, stderr: expect.stringMatching(older) });
    releases.reset();
    expect(await ocp("update", "--yes")).toMatchObject({ code: 0, stdout: "OCP 4.2.0 is installed.\n" });
  }, 60_000);

  test("without a date of its own is as old as its newest release", async () => {
    start("4.1.0");
    releases.relist((manifest) => {
      delete manifest.date;
      for (const release of manifest.releases) release.date = iso(-day / 2);
    });
    // Older than the binary.
    expect(await ocp("update", "--check")).toMatchObject({ code: 1, stderr: expect.stringMatching(older) });
    releases.relist((manifest) => {
      manifest.releases[0]!.date = iso(0);
    });
    expect(await ocp("update", "--check")).toMatchObject({ code: 10 });
  });
});

describe("the date of the newest list", () => {
  test("is told with its age", async () => {
    start("4.2.0");
    const { code, stdout } = await ocp("update", "--check");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^OCP 4\.2\.0 is the newest\.\n/) });
    expect(stdout).toMatch(/^The list of releases is from \d{4}-\d\d-\d\d \d\d:\d\d UTC, less than a day old\.$/m);
    const listDate = JSON.parse(readFileSync(join(releases.directory, "manifest.json"), "utf8")).date;
    expect(JSON.parse((await ocp("update", "--check", "--json")).stdout)).toMatchObject({ listDate });
    const { checks } = JSON.parse((await ocp("doctor", "--json", "--check", "update")).stdout);
    expect(checks[0]).toMatchObject({
      level: "ok",
      message: expect.stringContaining("less than a day old"),
      evidence: { listDate },
    });
  });

  test("is kept by nothing that promises to do nothing", async () => {
    start("4.1.0");
    expect((await ocp("update", "--dry-run")).code).toBe(0);
    await ocp("doctor", "--check", "update");
    expect(existsSync(seenFile())).toBe(false);
  });

  test.each([
    ["is garbage", (file: string) => writeFileSync(file, "\u0000{{{")],
    ["is empty", (file: string) => writeFileSync(file, "")],
    ["is null", (file: string) => writeFileSync(file, "null")],
    ["holds other types", (file: string) => writeFileSync(file, '{"a":1,"__proto__":{"b":"c"},"d":"no date"}')],
    ["is huge", (file: string) => writeFileSync(file, "[".repeat(50_000_000))],
    ["is a directory", (file: string) => mkdirSync(file)],
    ["is a pipe that nobody writes to", (file: string) => void Bun.spawnSync(["mkfifo", file])],
    ["is a link to another file", (file: string) => symlinkSync("../other", file)],
    ["may not be read", (file: string) => writeFileSync(file, "{}", { mode: 0 })],
    [
      "says a date in the far future",
      (file: string) =>
        writeFileSync(file, JSON.stringify({ [keyOf()]: "2999-01-01T00:00:00.000Z", "": "2999-01-01T00:00:00.000Z" })),
    ],
  ])(
    "blocks no update when its file %s, and lets no list in that is older than the binary",
    async (_, damage) => {
      start("4.2.0");
      writeFileSync(join(temp.home, "other"), "another file");
      mkdirSync(data(), { mode: 0o700 });
      damage(seenFile());
      releases.replay();
      expect(await ocp("update", "--yes")).toMatchObject({ code: 1, stderr: expect.stringMatching(older) });
      expect(versionOf()).toBe("4.2.0");
      releases.reset();
      releases.add("4.3.0", program("4.3.0"));
      expect((await ocp("update", "--check")).code).toBe(10);
      const isWhole = statSync(seenFile()).isFile();
      if (isWhole) {
        expect(Object.values(JSON.parse(readFileSync(seenFile(), "utf8"))).length).toBeGreaterThan(0);
        releases.reset();
        expect(await ocp("update", "--check")).toMatchObject({ code: 1, stderr: expect.stringMatching(older) });
      }
      releases.reset();
      releases.add("4.3.0", program("4.3.0"));
      expect(await ocp("update", "--yes")).toMatchObject({ code: 0, stdout: "OCP 4.3.0 is installed.\n" });
      expect(readFileSync(join(temp.home, "other"), "utf8")).toBe("another file");
    },
    30_000,
  );

  test("is said not to be kept where it cannot be written", async () => {
    start("4.1.0");
    mkdirSync(seenFile(), { recursive: true });
    const { code, stderr } = await ocp("update", "--check");
    expect({ code, stderr }).toEqual({ code: 10, stderr: expect.stringContaining(seenFile()) });
  });

  test("in the far future is refused, and does not shut out the right list that comes after", async () => {
    start("4.1.0");
    releases.relist((manifest) => {
      manifest.date = "2999-01-01T00:00:00.000Z";
    });
    for (const args of [["--yes"], ["--check"]]) {
      const { code, stderr } = await ocp("update", ...args);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("is from 2999-01-01") });
      expect(stderr).toContain("clock");
    }
    expect(existsSync(seenFile())).toBe(false);
    releases.reset();
    expect((await ocp("update", "--check")).code).toBe(10);
  });

  test.each(["yesterday", "2026-13-45T99:00:00.000Z", ""])("that is %j makes the list none", async (date) => {
    start("4.1.0");
    releases.relist((manifest) => {
      manifest.date = date;
    });
    expect(await ocp("update", "--yes")).toMatchObject({ code: 1, stderr: expect.stringContaining("another form") });
    expect(versionOf()).toBe("4.1.0");
  });

  test("is that of the key: one of another key says nothing", async () => {
    start("4.1.0");
    mkdirSync(data(), { mode: 0o700 });
    writeFileSync(seenFile(), JSON.stringify({ "another key": iso(0), [keyOf()]: iso(-day) }));
    expect((await ocp("update", "--check")).code).toBe(10);
    const kept = JSON.parse(readFileSync(seenFile(), "utf8"));
    expect(Object.keys(kept)).toEqual(["another key", keyOf()]);
  });
});

describe("a newer list whose newest release is older than this", () => {
  test("changes nothing: an older release must be named", async () => {
    start("4.2.0");
    releases.relist((manifest) => {
      manifest.date = iso(0);
      manifest.releases = manifest.releases.filter(({ version }) => version !== "4.2.0");
    });
    const { code, stdout } = await ocp("update", "--yes");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining("newer than the newest release, 4.1.0"),
    });
    expect(stdout).toContain("ocp update --target 4.1.0");
    expect(JSON.parse((await ocp("update", "--yes", "--json")).stdout)).toMatchObject({ changed: false, to: "4.2.0" });
    const check = await ocp("update", "--check", "--json");
    expect(check.code).toBe(0);
    expect(JSON.parse(check.stdout)).toMatchObject({ latest: "4.1.0", available: false });
    expect((await ocp("update", "--check")).stdout).not.toContain("is the newest.");
    expect(versionOf()).toBe("4.2.0");
    expect(await ocp("update", "--target", "4.1.0", "--yes")).toMatchObject({ code: 0 });
    expect(versionOf()).toBe("4.1.0");
  }, 60_000);

  test("ends an update to a preview that was interrupted, and does not go back", async () => {
    start("4.2.0");
    releases.relist((manifest) => {
      manifest.date = iso(0);
      manifest.releases = manifest.releases.filter(({ version }) => version !== "4.2.0");
    });
    mkdirSync(data(), { mode: 0o700 });
    const marker = { from: "4.1.0", to: "4.2.0", snapshot: join(data(), "none"), binary };
    writeFileSync(join(data(), "update.json"), JSON.stringify(marker));
    expect(await ocp("update", "--yes")).toMatchObject({ code: 0 });
    expect(versionOf()).toBe("4.2.0");
    expect(existsSync(join(data(), "update.json"))).toBe(false);
  });
});

describe("the same version with another checksum", () => {
  test("is named, and installed when that version is", async () => {
    start("4.2.0");
    const before = readFileSync(binary);
    releases.relist((manifest) => {
      manifest.date = iso(0);
      manifest.releases = manifest.releases.filter(({ version }) => version !== "4.2.0");
    });
    releases.add("4.2.0", program("4.2.0"));
    const { code, stdout } = await ocp("update", "--yes");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("another checksum") });
    expect(stdout).toContain("ocp update --target 4.2.0");
    expect(readFileSync(binary).equals(before)).toBe(true);
    expect(await ocp("update", "--yes", "--target", "4.2.0")).toMatchObject({ code: 0 });
    expect(readFileSync(binary, "utf8")).toBe(program("4.2.0"));
  }, 60_000);

  test("is said of no binary that is the release's", async () => {
    start("4.2.0");
    for (const args of [[], ["--target", "4.2.0"]]) {
      const { code, stdout } = await ocp("update", "--yes", ...args);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^OCP 4\.2\.0 is (the newest|installed already)\.\n$/),
      });
    }
  });
});

test("a preview is older than its release, and is replaced by it alone", async () => {
  start("4.2.0");
  releases.add("4.3.0-rc.9", program("4.3.0-rc.9"));
  releases.add("4.3.0-rc.10", program("4.3.0-rc.10"));
  expect((await ocp("update", "--check")).code).toBe(0);
  expect((await ocp("update", "--yes", "--target", "4.9.9")).stderr).toContain(
    "There are: 4.3.0-rc.10, 4.3.0-rc.9, 4.2.0",
  );
  releases.add("4.3.0", program("4.3.0"));
  const check = await ocp("update", "--check", "--json");
  expect(JSON.parse(check.stdout)).toMatchObject({ latest: "4.3.0", available: true });
});

describe("the release script", () => {
  const now = Date.parse("2026-11-30T12:00:00.000Z");

  test.each([
    ["2026-11-29T12:00:00.000Z", "2026-11-30T12:00:00.000Z"],
    ["2026-11-30T12:00:00.000Z", "2026-11-30T12:00:00.001Z"],
    ["2026-11-30T20:00:00.000Z", "2026-11-30T20:00:00.001Z"],
  ])("dates a list after one from %s %s, whatever the clock says", (before, date) => {
    expect(dateAfter(new Date(before), now)).toEqual({ date, warning: null });
  });

  test("does not follow a list from the far future, which no machine takes", () => {
    const { date, warning } = dateAfter(new Date("2999-01-01T00:00:00.000Z"), now);
    expect(date).toBe("2026-11-30T12:00:00.000Z");
    expect(warning).toContain("2999-01-01");
  });

  test("dates each list later than the one before, and each release with its list", () => {
    const { date, releases: made } = JSON.parse(readFileSync(join(releases.directory, "manifest.json"), "utf8"));
    expect(made.map((each: { version: string }) => each.version)).toEqual(["4.2.0", "4.1.0"]);
    expect(made[0].date).toBe(date);
    expect(Date.parse(made[0].date)).toBeGreaterThan(Date.parse(made[1].date));
  });
});

/** The key that signs, as the file of dates names it. */
function keyOf(): string {
  const text = readFileSync(join(releases.directory, "install"), "utf8");
  return /^release_key='(.*)'$/m.exec(text)![1]!;
}
