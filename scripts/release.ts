/**
 * Makes a release: `OCP_RELEASE_KEY_FILE=key.pem bun run release --url https://...`. It compiles every target (or those
 * of `--target`), and leaves in `dist/release` (or `--out`) what a web server needs to offer it: the gzipped binaries,
 * the signed list of releases with the older ones that are there already, checksums for shells, and the installer.
 * `--new-key FILE` makes the key that signs; whoever has it can bring any code to every box that updates.
 */

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createGzip } from "node:zlib";
import { bundledFiles } from "../licences/bundled.ts";
import { collectNotices } from "../licences/collect.ts";
import { renderNotices } from "../licences/render.ts";
import packageJson from "../package.json";
import { type Asset, type Manifest, type Release, type ReleaseList, readManifest } from "../src/update/manifest.ts";
import { compileBinary } from "./compile.ts";
import { dateAfter } from "./release-date.ts";
import { runtimeOf } from "./runtime.ts";
import { armoured, sshPublicKey, sshSignature } from "./ssh-signature.ts";
import { type Target, targets } from "./targets.ts";

const root = join(import.meta.dir, "..");

const { values } = parseArgs({
  options: {
    "new-key": { type: "string" },
    key: { type: "string", default: process.env.OCP_RELEASE_KEY_FILE ?? "" },
    url: { type: "string", default: "" },
    out: { type: "string", default: join(root, "dist", "release") },
    version: { type: "string", default: packageJson.version },
    notes: { type: "string", default: "" },
    target: { type: "string", multiple: true, default: [] },
  },
});

function fail(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

function makeKey(file: string): void {
  if (existsSync(file)) fail(`${file} exists; a key is never overwritten.`);
  const { privateKey } = generateKeyPairSync("ed25519");
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  process.stdout.write(`${file}\n`);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** Compiles, packs and measures one platform's binary; half of it is what gzip saves a Pi's line. */
async function make(target: Target, publicKey: string, date: string, scratch: string): Promise<Asset> {
  const { version, url, out } = values;
  const binary = join(scratch, `ocp-${target.name}`);
  const isHost = target.name === hostTarget();
  const compiled = isHost ? undefined : { bun: target.bun, executablePath: await runtimeOf(target) };
  const release = { version, target: target.name, releaseUrl: url || null, releaseKey: publicKey, releaseDate: date };
  await compileBinary(join(root, "src", "main.ts"), binary, compiled, release);
  const file = `${version}/ocp-${target.name}.gz`;
  const packed = join(out, file);
  mkdirSync(join(out, version), { recursive: true });
  await pipeline(createReadStream(binary), createGzip({ level: 6 }), createWriteStream(packed));
  const asset = {
    file,
    size: statSync(packed).size,
    sha256: await sha256(packed),
    binary: { size: statSync(binary).size, sha256: await sha256(binary) },
  };
  rmSync(binary);
  process.stdout.write(`${file}  ${(asset.size / 1e6).toFixed(1)} MB\n`);
  return asset;
}

/** Without musl: where that is, the host's own target is fetched like any other. */
function hostTarget(): string {
  const musl = existsSync(`/lib/ld-musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`);
  return `${process.platform}-${process.arch}${musl ? "-musl" : ""}`;
}

/** What is offered already, if it is ours. */
function offered(publicKey: string): ReleaseList {
  const file = join(values.out, "manifest.json");
  if (!existsSync(file)) return { date: new Date(0), releases: [] };
  return readManifest(readFileSync(file), readFileSync(`${file}.sig`, "utf8"), publicKey);
}

/** `openssl pkeyutl -verify -pubin -inkey key.pub -rawin -in FILE -sigfile <(base64 -d FILE.sig)` checks it. */
function writeSigned(file: string, text: string, key: KeyObject): void {
  writeFileSync(file, text);
  writeFileSync(`${file}.sig`, `${sign(null, Buffer.from(text), key).toString("base64")}\n`);
}

/** The same for every platform: what `ocp licences` prints. */
async function writeLicences(): Promise<NonNullable<Release["licences"]>> {
  const { version, out } = values;
  const file = `${version}/THIRD-PARTY-LICENCES.txt`;
  mkdirSync(join(out, version), { recursive: true });
  writeFileSync(join(out, file), renderNotices(collectNotices(await bundledFiles())));
  return { file, size: statSync(join(out, file)).size, sha256: await sha256(join(out, file)) };
}

async function release(): Promise<void> {
  const { key: keyFile, url, out, version, notes } = values;
  if (keyFile === "") fail("Name the key that signs: OCP_RELEASE_KEY_FILE, or --key. --new-key FILE makes one.");
  const unknown = values.target.filter((name) => targets.every((target) => target.name !== name));
  if (unknown.length > 0) fail(`No such target: ${unknown.join(", ")}.`);
  if (url !== "" && !/^https?:\/\/[\w.:/~-]+$/.test(url))
    fail("--url must be the http or https URL of the release's directory.");

  const key = createPrivateKey(readFileSync(keyFile));
  if (key.asymmetricKeyType !== "ed25519") fail("The key must be an Ed25519 one.");
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const publicKey = spki.toString("base64");
  mkdirSync(out, { recursive: true });
  const before = offered(publicKey);
  const older = before.releases.filter((each) => each.version !== version);
  const { date, warning } = dateAfter(before.date, Date.now());
  if (warning !== null) process.stderr.write(`${warning}\n`);

  const scratch = mkdtempSync(join(out, ".release-"));
  const assets: Record<string, Asset> = {};
  try {
    for (const target of targets) {
      if (values.target.length > 0 && !values.target.includes(target.name)) continue;
      assets[target.name] = await make(target, publicKey, date, scratch);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const made: Release = { version, date, notes, licences: await writeLicences(), assets };
  const manifest: Manifest = { schema: 1, date, releases: [made, ...older] };
  const lines = manifest.releases.flatMap((each) =>
    [...Object.values(each.assets), ...(each.licences ? [each.licences] : [])].map(
      ({ sha256: sum, file }) => `${sum}  ${file}\n`,
    ),
  );
  const checksums = join(out, "checksums.txt");
  writeSigned(checksums, lines.join(""), key);
  writeFileSync(`${checksums}.sshsig`, armoured(sshSignature(lines.join(""), namespace, key)));
  // Last: from here on it is offered.
  writeSigned(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`, key);
  writeFileSync(join(out, "install"), installer(url, publicKey, key), { mode: 0o755 });
}

/** In an SSH signature: what it is for. */
const namespace = "ocp-release";
/** The text on which the installer tries a verifier before it believes it. */
const proof = "ocp release key\n";

/** The script with the place and the key of this release in it. */
function installer(url: string, publicKey: string, key: KeyObject): string {
  const values = {
    url,
    key: publicKey,
    proof: sign(null, Buffer.from(proof), key).toString("base64"),
    ssh_key: sshPublicKey(key),
    ssh_proof: sshSignature(proof, namespace, key),
  };
  const script = readFileSync(join(root, "scripts", "install"), "utf8");
  return Object.entries(values).reduce((text, [name, value]) => {
    const place = `release_${name}=''\n`;
    if (!text.includes(`\n${place}`)) throw new Error(`scripts/install has no place for release_${name}.`);
    return text.replace(place, () => `release_${name}='${value}'\n`);
  }, script);
}

if (values["new-key"] !== undefined) makeKey(values["new-key"]);
else await release();
