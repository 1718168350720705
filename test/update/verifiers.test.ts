/** Which programs the installer checks a release with, and that none of them lets a changed one in. */

import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { armoured, sshSignature } from "../../scripts/ssh-signature.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { root } from "../imports.ts";
import { makeReleases, type Releases, target } from "./releases.ts";

const { describe, test } = needs("busybox", "curl", "openssl", "ssh-keygen");

let temp: Temp;
let releases: Releases;
let genuine: Buffer;
const packed = () => join(releases.directory, "4.2.0", `ocp-${target}.gz`);
beforeAll(async () => {
  temp = await createTemp();
  releases = makeReleases(temp.path);
  genuine = readFileSync(packed());
}, 240_000);
afterEach(() => {
  releases.reset();
  writeFileSync(packed(), genuine);
});
afterAll(async () => {
  releases[Symbol.dispose]();
  await temp.remove();
});

const system = "cat chmod curl cut env getconf grep gzip head mkdir mktemp mv printf rm sed sha256sum sh sort tr uname";

/** Replaces the newest binary by a small program, and the checksums with it; `key`: null leaves the signatures. */
function offer(program: string, key: KeyObject | null): void {
  writeFileSync(packed(), gzipSync(program));
  const sum = createHash("sha256").update(readFileSync(packed())).digest("hex");
  releases.tamper("checksums.txt", (text) => text.replace(/^[0-9a-f]{64}(?= {2}4\.2\.0)/m, sum));
  if (key === null) return;
  const text = readFileSync(join(releases.directory, "checksums.txt"), "utf8");
  releases.tamper("checksums.txt.sig", () => `${sign(null, Buffer.from(text), key).toString("base64")}\n`);
  releases.tamper("checksums.txt.sshsig", () => armoured(sshSignature(text, "ocp-release", key)));
}

const small = () => offer("#!/bin/sh\necho 4.2.0\n", createPrivateKey(readFileSync(releases.key)));
const forge = (signed: boolean) =>
  offer("#!/bin/sh\necho 6.6.6\n", signed ? generateKeyPairSync("ed25519").privateKey : null);

/** Programs of a verifier's name: the machine's own, or a line of shell. */
type Programs = Record<string, "real" | string>;

const real = (name: string) => Bun.which(name, { PATH: "/usr/bin:/bin" }) as string;

async function install(programs: Programs, args: string[] = [], more: { script?: string; busybox?: boolean } = {}) {
  const place = await createTemp();
  const bin = join(place.path, "bin");
  mkdirSync(bin);
  for (const name of system.split(" ")) {
    // Its wget crashes with -T on Debian 12.
    symlinkSync(real(more.busybox && name !== "curl" ? "busybox" : name), join(bin, name));
  }
  for (const [name, line] of Object.entries(programs)) {
    if (line === "real") symlinkSync(real(name), join(bin, name));
    else writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const child = Bun.spawn([join(bin, "sh"), more.script ?? join(releases.directory, "install"), ...args], {
    env: testEnv(place.home, { PATH: bin, OCP_INSTALL_URL: releases.url }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);
  const binary = join(place.home, ".local", "bin", "ocp");
  const installed = existsSync(binary) ? Bun.spawnSync([binary, "--version"]).stdout.toString().trim() : null;
  const left = existsSync(join(place.home, "tmp")) ? [...new Bun.Glob("*").scanSync(join(place.home, "tmp"))] : [];
  await place.remove();
  return { code, stderr, installed, left };
}

/** As OpenSSL 1.1 and LibreSSL: everything else, but no signature of this kind. */
const oldOpenssl = `case "$*" in *-rawin*) echo 'unknown option -rawin' >&2; exit 1 ;; esac\nexec ${real("openssl")} "$@"`;
const oldSshKeygen = "echo 'ssh-keygen: unknown option -- Y' >&2; exit 1";
const crash = "kill -SEGV $$";
const yes = "exit 0";

const able: [string, Programs, object?][] = [
  ["openssl", { openssl: "real" }],
  ["ssh-keygen", { "ssh-keygen": "real" }],
  ["ssh-keygen, on a system of busybox", { "ssh-keygen": "real" }, { busybox: true }],
  ["ssh-keygen beside an openssl without Ed25519", { openssl: oldOpenssl, "ssh-keygen": "real" }],
  ["ssh-keygen beside an openssl that crashes", { openssl: crash, "ssh-keygen": "real" }],
  ["ssh-keygen beside an openssl that says yes to everything", { openssl: yes, "ssh-keygen": "real" }],
  ["openssl beside an ssh-keygen that is too old", { openssl: "real", "ssh-keygen": oldSshKeygen }],
];

test.each(["openssl", "ssh-keygen"])("what the release script makes is installed with %s", async (program) => {
  expect(await install({ [program]: "real" })).toMatchObject({ code: 0, installed: "4.2.0" });
});

describe.each(able)("with %s", (_, programs, more = {}) => {
  test("installs the release", async () => {
    small();
    const { code, stderr, installed, left } = await install(programs, [], more);
    expect({ code, installed, left }).toEqual({ code: 0, installed: "4.2.0", left: [] });
    expect(stderr).not.toMatch(/warning|not checked/i);
  });

  test.each([
    ["whose signature is the old one", false, []],
    ["that an attacker has signed", true, []],
    ["that an attacker has signed, though its user does without checks", true, ["--unverified"]],
  ])("refuses a changed binary with changed checksums, %s", async (_, signed, args) => {
    forge(signed);
    const { code, stderr, installed, left } = await install(programs, args, more);
    expect({ code, installed, left }).toEqual({ code: 1, installed: null, left: [] });
    expect(stderr).toContain("not signed by the key that this installer trusts. Nothing was installed.");
  });
});

test("the shell of busybox runs it", async () => {
  small();
  expect(await install({ openssl: "real" }, [], { busybox: true })).toMatchObject({ code: 0, installed: "4.2.0" });
});

const unable: [string, Programs][] = [
  ["no program that verifies", {}],
  ["an openssl without Ed25519", { openssl: oldOpenssl }],
  ["an openssl that crashes", { openssl: crash }],
  ["an openssl that says yes to everything", { openssl: yes }],
  ["an ssh-keygen that is too old", { "ssh-keygen": oldSshKeygen }],
  ["an ssh-keygen that crashes", { "ssh-keygen": crash }],
  ["an ssh-keygen that says yes to everything", { "ssh-keygen": yes }],
];

describe.each(unable)("with %s", (_, programs) => {
  test("installs nothing, and says what helps", async () => {
    const { code, stderr, installed, left } = await install(programs);
    expect({ code, installed, left }).toEqual({ code: 1, installed: null, left: [] });
    expect(stderr).toContain("The signature of the release cannot be checked here");
    expect(stderr).toContain("apk add openssl");
    expect(stderr).toContain("--unverified");
    expect(stderr).not.toContain("Fetching");
  });

  test("installs with --unverified, and says loudly what that means", async () => {
    small();
    const { code, stderr, installed } = await install(programs, ["--unverified"]);
    expect({ code, installed }).toEqual({ code: 0, installed: "4.2.0" });
    expect(stderr).toMatch(/^WARNING: the signature of this release was NOT checked\./m);
  });
});

describe("the installer", () => {
  test("refuses when the verifier works at first and then crashes", async () => {
    const line = `case "$*" in *proof*) exec ${real("ssh-keygen")} "$@" ;; esac\n${crash}`;
    const { code, stderr, installed } = await install({ "ssh-keygen": line });
    expect({ code, installed }).toEqual({ code: 1, installed: null });
    expect(stderr).toContain("not signed by the key");
  });

  test.each([
    ["openssl", "checksums.txt.sig"],
    ["ssh-keygen", "checksums.txt.sshsig"],
  ])("refuses when the server has no signature for %s, also with --unverified", async (program, file) => {
    rmSync(join(releases.directory, file));
    for (const args of [[], ["--unverified"]]) {
      const { code, stderr, installed } = await install({ [program]: "real" }, args);
      expect({ code, installed }).toEqual({ code: 1, installed: null });
      expect(stderr).toContain("signature of the checksums cannot be fetched");
    }
  });

  test.each([
    ["openssl", "checksums.txt.sig"],
    ["ssh-keygen", "checksums.txt.sshsig"],
  ])("refuses a signature for %s that is empty, garbage, or one of another text", async (program, file) => {
    const other = readFileSync(join(releases.directory, "manifest.json.sig"), "utf8");
    for (const text of ["", "garbage\n", other]) {
      releases.tamper(file, () => text);
      const { code, stderr, installed } = await install({ [program]: "real" });
      expect({ code, installed }).toEqual({ code: 1, installed: null });
      expect(stderr).toContain("not signed by the key");
    }
  });

  test("of the source, which names no key, refuses as well", async () => {
    const script = join(root, "scripts", "install");
    const refused = await install({ openssl: "real" }, [], { script });
    expect(refused).toMatchObject({ code: 1, installed: null, stderr: expect.stringContaining("names no key") });
    small();
    const { code, installed, stderr } = await install({ openssl: "real" }, ["--unverified"], { script });
    expect({ code, installed }).toEqual({ code: 0, installed: "4.2.0" });
    expect(stderr).toContain("WARNING");
  });
});
