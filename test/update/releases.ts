/** A release server on loopback with releases that the project's own script has made, and ways for it to fail. */

import { createHash, createPrivateKey, sign } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Manifest } from "../../src/update/manifest.ts";
import { root } from "../imports.ts";

/** This machine's platform, as releases name it. */
export const target = `${process.platform}-${process.arch}${existsSync("/lib/ld-musl-x86_64.so.1") ? "-musl" : ""}`;

export type Fault = "none" | "cut" | "stall" | "other-bytes" | "gone";

export interface Releases extends Disposable {
  url: string;
  directory: string;
  key: string;
  /** What becomes of downloads of binaries from now on. */
  fault: Fault;
  /** As it was at first. */
  reset(): void;
  /** Adds a release whose binary is this program text. */
  add(version: string, program: string): void;
  /** Changes the list of releases, and signs it again. */
  relist(change: (manifest: Manifest) => void): void;
  /** Offers the signed files as they were when 4.1.0 was the newest release. */
  replay(): void;
  /** Changes the signed files, which are then not signed. */
  tamper(file: string, change: (text: string) => string): void;
}

/** With the real 4.1.0 and 4.2.0 of this source. */
export function makeReleases(directory: string): Releases {
  const key = join(directory, "key.pem");
  const out = join(directory, "out");
  let fault: Fault = "none";
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const path = new URL(request.url).pathname.replace(/^\/mirror\//, "");
      const file = Bun.file(join(out, path));
      if (!(await file.exists())) return new Response("no such file", { status: 404 });
      if (!path.endsWith(".gz") || fault === "none") return new Response(file);
      if (fault === "gone") return new Response("gone", { status: 410 });
      const bytes = await file.bytes();
      if (fault === "other-bytes") {
        bytes[bytes.length - 20]! ^= 1;
        return new Response(bytes);
      }
      return partly(bytes, fault);
    },
  });

  const url = `http://127.0.0.1:${server.port}/mirror`;
  const run = (...args: string[]) => {
    const script = join(root, "scripts", "release.ts");
    const child = Bun.spawnSync([process.execPath, script, ...args], {
      env: { PATH: process.env.PATH, HOME: directory },
    });
    if (child.exitCode !== 0) throw new Error(`release: ${child.stderr.toString()}`);
  };
  run("--new-key", key);
  const release = (version: string) => {
    run("--key", key, "--out", out, "--url", url, "--target", target, "--version", version);
    const names = readdirSync(out).filter((name) => /^(manifest|checksums)[.]/.test(name));
    return names.map((name) => [name, readFileSync(join(out, name))] as const);
  };
  const old = release("4.1.0");
  const first = release("4.2.0");
  const signed = (name: string, text: string) => {
    const signature = sign(null, Buffer.from(text), createPrivateKey(readFileSync(key)));
    writeFileSync(join(out, name), text);
    writeFileSync(join(out, `${name}.sig`), `${signature.toString("base64")}\n`);
  };
  const relist = (change: (manifest: Manifest) => void) => {
    const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as Manifest;
    change(manifest);
    signed("manifest.json", JSON.stringify(manifest));
  };
  return {
    url,
    directory: out,
    key,
    get fault() {
      return fault;
    },
    set fault(wanted) {
      fault = wanted;
    },
    reset() {
      fault = "none";
      for (const [name, bytes] of first) writeFileSync(join(out, name), bytes);
    },
    add(version, program) {
      const packed = gzipSync(program);
      const sum = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      const file = `${version}/ocp-${target}.gz`;
      mkdirSync(join(out, version), { recursive: true });
      writeFileSync(join(out, file), packed);
      const binary = { size: Buffer.byteLength(program), sha256: sum(program) };
      const assets = { [target]: { file, size: packed.length, sha256: sum(packed), binary } };
      relist((manifest) => {
        manifest.date = new Date().toISOString();
        manifest.releases.unshift({ version, date: manifest.date, notes: "", assets });
      });
    },
    relist,
    replay() {
      for (const [name, bytes] of old) writeFileSync(join(out, name), bytes);
    },
    tamper(file, change) {
      writeFileSync(join(out, file), change(readFileSync(join(out, file), "utf8")));
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** Half of it; then the connection breaks, or nothing more comes. */
function partly(bytes: Uint8Array<ArrayBuffer>, fault: "cut" | "stall"): Response {
  const half = bytes.slice(0, bytes.length / 2);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(half);
      if (fault === "cut") controller.close();
    },
  });
  return new Response(body);
}
