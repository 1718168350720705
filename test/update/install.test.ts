/** `scripts/install`, as a newcomer runs it: an empty home, a POSIX shell and curl. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { withOwnMounts } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { root } from "../imports.ts";
import { makeReleases, type Releases, target } from "./releases.ts";

let temp: Temp;
let releases: Releases;
beforeAll(async () => {
  temp = await createTemp();
  releases = makeReleases(temp.path);
}, 240_000);
afterEach(() => {
  releases.reset();
});
afterAll(async () => {
  releases[Symbol.dispose]();
  await temp.remove();
});

interface Options {
  args?: string[];
  env?: Record<string, string | undefined>;
  shell?: string[];
  script?: string;
  home: string;
  cwd?: string;
}

/** What the release's own copy of the script does. */
async function install({ args = [], env = {}, shell = ["sh"], script, home, cwd = root }: Options) {
  const file = script ?? join(releases.directory, "install");
  const child = Bun.spawn([...shell, file, ...args], {
    cwd,
    env: testEnv(home, { PATH: "/usr/bin:/bin", ...env }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

const versionOf = (file: string) => Bun.spawnSync([file, "--version"]).stdout.toString().trim();

/** A PATH with these programs alone, some of them replaced by a line of shell. */
function pathOf(directory: string, names: readonly string[], replaced: Record<string, string> = {}): string {
  const bin = join(directory, "few");
  mkdirSync(bin);
  for (const name of names) {
    const found = Bun.which(name, { PATH: "/usr/bin:/bin" });
    if (found) symlinkSync(found, join(bin, name));
  }
  for (const [name, line] of Object.entries(replaced)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}
const posix = [
  "sh",
  "cat",
  "chmod",
  "cut",
  "env",
  "getconf",
  "grep",
  "head",
  "mkdir",
  "mktemp",
  "mv",
  "printf",
  "rm",
  "sed",
  "tr",
  "uname",
];

needs("curl", "openssl").describe("the installer", () => {
  test("puts the newest release into ~/.local/bin, checked and signed, and says what comes next", async () => {
    await using place = await createTemp();
    const { code, stdout, stderr } = await install({ home: place.home });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain(`Installed ocp 4.2.0 in ${place.home}/.local/bin.`);
    expect(stderr).toContain("is not on your PATH");
    expect(stderr).toContain("ocp doctor");
    expect(stderr).not.toContain("is not.");
    const file = join(place.home, ".local", "bin", "ocp");
    expect(versionOf(file)).toBe("4.2.0");
    expect(statSync(file).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(place.home, ".local", "bin"))).toEqual(["ocp"]);
    expect(readdirSync(place.home).sort()).toEqual([".local", "tmp"]);
    expect(readdirSync(join(place.home, "tmp"))).toEqual([]);
  });

  test("finds the licences of what is in a release beside it, in its list and its checksums", async () => {
    await using place = await createTemp();
    expect(await install({ home: place.home })).toMatchObject({ code: 0 });
    const printed = Bun.spawnSync([join(place.home, ".local", "bin", "ocp"), "licences"], { env: testEnv(place.home) });
    const file = join(releases.directory, "4.2.0", "THIRD-PARTY-LICENCES.txt");
    expect(readFileSync(file, "utf8")).toBe(printed.stdout.toString());
    const sha256 = new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
    const sums = readFileSync(join(releases.directory, "checksums.txt"), "utf8").split("\n");
    for (const version of ["4.1.0", "4.2.0"]) expect(sums).toContain(`${sha256}  ${version}/THIRD-PARTY-LICENCES.txt`);
    const manifest = JSON.parse(readFileSync(join(releases.directory, "manifest.json"), "utf8"));
    const { file: name, size } = manifest.releases[0].licences;
    expect([name, size]).toEqual(["4.2.0/THIRD-PARTY-LICENCES.txt", statSync(file).size]);
  });

  test("takes the place, the release and the mirror that it is told", async () => {
    await using place = await createTemp();
    const env = { OCP_INSTALL_URL: `${releases.url.replace("/mirror", "")}/`, OCP_VERSION: "v4.1.0" };
    const dir = join(place.path, "a place");
    expect(await install({ home: place.home, args: ["--dir", dir], env })).toMatchObject({ code: 0 });
    expect(versionOf(join(dir, "ocp"))).toBe("4.1.0");
    expect(existsSync(join(place.home, ".local"))).toBe(false);
  });

  test.each([
    ["cut", "another checksum"],
    ["other-bytes", "another checksum"],
    ["gone", "The download failed"],
  ] as const)("installs nothing when the download is %s, and leaves what is there", async (fault, sentence) => {
    await using place = await createTemp();
    const bin = join(place.home, ".local", "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "ocp"), "older");
    releases.fault = fault;
    const { code, stderr } = await install({ home: place.home });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
    expect(readFileSync(join(bin, "ocp"), "utf8")).toBe("older");
    expect(readdirSync(bin)).toEqual(["ocp"]);
    expect(readdirSync(join(place.home, "tmp"))).toEqual([]);
  });

  test("installs nothing by checksums that another key has signed", async () => {
    await using place = await createTemp();
    releases.tamper("checksums.txt", (text) => `${text}\n`);
    const { code, stderr } = await install({ home: place.home });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("not signed by the key") });
    expect(existsSync(join(place.home, ".local"))).toBe(false);
  });

  /** An ocp that is there already: the release, or a program that says something. */
  function place(home: string, program: string): string {
    const file = join(home, ".local", "bin", "ocp");
    mkdirSync(join(home, ".local", "bin"), { recursive: true });
    writeFileSync(file, program, { mode: 0o755 });
    return file;
  }
  const saying = (text: string) => `#!/bin/sh\nprintf '%s\\n' '${text}'\n`;

  test.each(["4.2.0", "4.2.0-rc.1", "4.10.0", "5.0.0"])(
    "puts no older release into the place of %s, as a replayed list would have it",
    async (version) => {
      await using home = await createTemp();
      const program = saying(version);
      const file = place(home.home, program);
      releases.replay();
      const { code, stderr } = await install({ home: home.home });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("4.1.0, which is older") });
      expect(stderr).toContain("--version 4.1.0");
      expect(stderr).not.toContain("Fetching");
      expect(readFileSync(file, "utf8")).toBe(program);
      expect(await install({ home: home.home, args: ["--version", "4.1.0"] })).toMatchObject({ code: 0 });
      expect(versionOf(file)).toBe("4.1.0");
    },
  );

  test.each(["4.1.0", "4.2.0", "4.2.0-rc.1", "3.10.4", "something else", "9 lives", "-9.9.9", ""])(
    "puts the newest into the place of what says %j",
    async (text) => {
      await using home = await createTemp();
      const file = place(home.home, saying(text));
      expect(await install({ home: home.home })).toMatchObject({ code: 0 });
      expect(versionOf(file)).toBe("4.2.0");
    },
  );

  test("puts it into the place of what does not run, or reads from the terminal", async () => {
    for (const program of ["#!/nowhere\n", "#!/bin/sh\ncat\n", "#!/bin/sh\nkill -SEGV $$\n"]) {
      await using home = await createTemp();
      const file = place(home.home, program);
      expect(await install({ home: home.home })).toMatchObject({ code: 0 });
      expect(versionOf(file)).toBe("4.2.0");
    }
  });

  needs("mount namespaces").test("says that the disk is full", async () => {
    await using place = await createTemp();
    const dir = join(place.path, "small");
    mkdirSync(dir);
    const shell = [...withOwnMounts, "sh", "-c", `mount -t tmpfs -o size=20m tmpfs '${dir}' && exec sh "$@"`, "sh"];
    const { code, stderr } = await install({ home: place.home, args: ["--dir", dir], shell });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("is the disk full?") });
  });

  needs("mount namespaces").test("says what musl needs", async () => {
    await using place = await createTemp();
    const libraries = ["upper", "work"].map((name) => join(place.path, name));
    for (const each of libraries) mkdirSync(each);
    const [upper, work] = libraries;
    const overlay = `mount -t tmpfs tmpfs '${place.path}' && mkdir -p '${upper}' '${work}'`;
    const musl = `mount -t overlay overlay -o lowerdir=/usr/lib,upperdir='${upper}',workdir='${work}' /usr/lib`;
    const script = readFileSync(join(releases.directory, "install"), "utf8");
    const copy = join(place.home, "tmp", "install");
    const shell = [
      ...withOwnMounts,
      "sh",
      "-c",
      `${overlay} && mkdir -p '${place.home}/tmp' && printf '%s' "$SCRIPT" >'${copy}' && ${musl} && touch /usr/lib/ld-musl-x86_64.so.1 && exec sh "$@"`,
      "sh",
    ];
    const { code, stderr } = await install({ home: place.home, shell, script: copy, env: { SCRIPT: script } });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("apk add libstdc++ libgcc") });
  });

  test("that was cut off does nothing", async () => {
    await using place = await createTemp();
    const text = readFileSync(join(releases.directory, "install"), "utf8");
    const part = join(place.path, "part");
    for (const end of [0.3, 0.6, 0.9].map((share) => Math.floor(text.length * share))) {
      writeFileSync(part, text.slice(0, end));
      await install({ home: place.home, script: part });
      expect(readdirSync(place.home)).toEqual(["tmp"]);
    }
  });

  test.each([
    ["32-bit Arm", { uname: 'case "$1" in -m) echo armv7l ;; *) echo Linux ;; esac' }, "32-bit Arm (armv7l)"],
    [
      "a 32-bit system",
      { uname: 'case "$1" in -m) echo aarch64 ;; *) echo Linux ;; esac', getconf: "echo 32" },
      "32-bit one on a 64-bit kernel",
    ],
    ["RISC-V", { uname: 'case "$1" in -m) echo riscv64 ;; *) echo Linux ;; esac' }, "not on riscv64"],
    ["FreeBSD", { uname: 'case "$1" in -m) echo amd64 ;; *) echo FreeBSD ;; esac' }, "not on FreeBSD"],
    [
      "a Mac, for which this release has none",
      { uname: 'case "$1" in -m) echo arm64 ;; *) echo Darwin ;; esac', getconf: "exit 1" },
      "no release for darwin-arm64",
    ],
  ])("refuses %s with a sentence", async (_, replaced, sentence) => {
    await using place = await createTemp();
    const names = [...posix, "curl", "gzip", "sha256sum"].filter((name) => !(name in replaced));
    const { code, stderr } = await install({
      home: place.home,
      env: { PATH: pathOf(place.path, names, replaced as unknown as Record<string, string>) },
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
    expect(existsSync(join(place.home, ".local"))).toBe(false);
  });

  test.each([
    ["curl and wget", ["gzip", "sha256sum"], "Neither curl nor wget"],
    ["gzip", ["curl", "sha256sum"], "gzip is not here"],
    ["a tool for checksums", ["curl", "gzip"], "No tool for SHA-256"],
  ])("without %s says so", async (_, names, sentence) => {
    await using place = await createTemp();
    const { code, stderr } = await install({
      home: place.home,
      env: { PATH: pathOf(place.path, [...posix, ...names]) },
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
  });

  test.each([
    [["--dri", "x"], "does not know --dri"],
    [["--dir"], "--dir needs a value"],
    [["--version", "9.9.9"], `no release 9.9.9 for ${target}`],
    [["--version", "[^/]*"], "is no version"],
    [["--version", "4.1.0\\|4.2.0"], "is no version"],
    [["--version", "4.2.0\nx"], "is no version"],
    [["--version", "\\(4\\).1.0"], "is no version"],
  ])("refuses %j", async (args, sentence) => {
    await using place = await createTemp();
    expect(await install({ home: place.home, args })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(sentence),
    });
    expect(readdirSync(place.home)).toEqual(["tmp"]);
  });

  test.each(["a directory", "a link to a directory"])("does not install into %s that is called ocp", async (kind) => {
    await using place = await createTemp();
    const bin = join(place.home, ".local", "bin");
    const theirs = kind === "a directory" ? join(bin, "ocp") : join(place.path, "theirs");
    mkdirSync(bin, { recursive: true });
    mkdirSync(theirs);
    if (kind !== "a directory") symlinkSync(theirs, join(bin, "ocp"));
    const { code, stderr } = await install({ home: place.home });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`${bin}/ocp is a directory`) });
    expect(stderr).not.toContain("Installed");
    expect(readdirSync(theirs)).toEqual([]);
    expect(readdirSync(bin)).toEqual(["ocp"]);
  });

  test.each(["a place", "-x", "./x"])("names %j, a place below the current one, by its whole path", async (dir) => {
    await using place = await createTemp();
    const { code, stderr } = await install({ home: place.home, args: ["--dir", dir], cwd: place.path });
    expect(code).toBe(0);
    const whole = `${place.path}/${dir}`;
    expect(stderr).toContain(`Installed ocp 4.2.0 in ${whole}.`);
    expect(stderr).toContain(`export PATH="${whole}:$PATH"`);
    expect(versionOf(join(whole, "ocp"))).toBe("4.2.0");
  });

  test.each(["checksums.txt", "checksums.txt.sig"])("reads no endless %s", async (name) => {
    await using place = await createTemp();
    let sent = 0;
    using endless = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const path = new URL(request.url).pathname.slice(1);
        if (path !== name) return new Response(Bun.file(join(releases.directory, path)));
        const chunk = new Uint8Array(65_536).fill(10);
        return new Response(
          new ReadableStream({
            pull(controller) {
              sent += chunk.length;
              // An installer that reads everything comes to an end too, and fails the test.
              if (sent > largest) controller.close();
              else controller.enqueue(chunk);
            },
          }),
        );
      },
    });
    const largest = 256 * 1024 * 1024;
    const env = { OCP_INSTALL_URL: `http://127.0.0.1:${endless.port}` };
    expect(await install({ home: place.home, env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot be fetched"),
    });
    expect(sent).toBeLessThan(largest / 2);
    expect(readdirSync(place.home)).toEqual(["tmp"]);
  });

  test("asks for the place of releases where it knows none", async () => {
    await using place = await createTemp();
    const { code, stderr } = await install({ home: place.home, script: join(root, "scripts", "install") });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("Set OCP_INSTALL_URL") });
  });

  for (const shell of [["dash"], ["busybox", "sh"], ["bash", "--posix"]] as const)
    needs(shell[0]).test(`is a script for ${shell.join(" ")}`, async () => {
      await using place = await createTemp();
      expect(await install({ home: place.home, shell: [...shell] })).toMatchObject({ code: 0 });
    });

  needs("shellcheck").test("has no fault that shellcheck knows", () => {
    const child = Bun.spawnSync(["shellcheck", join(root, "scripts", "install")], { stdout: "pipe" });
    expect(child.stdout.toString()).toBe("");
    expect(child.exitCode).toBe(0);
  });
});
