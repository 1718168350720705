/** Where releases are fetched from. Whatever comes is checked: the list by its signature, a binary by the list. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { OcpError } from "../core/errors.ts";
import { type Asset, type ReleaseList, readManifest } from "./manifest.ts";

export interface ReleaseServer {
  url: string;
  /** Throws OcpError with a sentence. */
  list(): Promise<ReleaseList>;
  /** Writes the binary, unpacked and checked, to a file that does not exist. Throws OcpError; leaves the file then. */
  download(asset: Asset, file: string): Promise<void>;
}

export interface ReleaseServerOptions {
  url: string;
  /** As `Build.releaseKey`. */
  key: string;
  /** How long, in ms, nothing may come before it is given up. */
  stallAfter?: number;
}

const largestList = 8 * 1024 * 1024;
/** How long, in ms, a list may take, and a download that is slower than any line that people have. */
const listTime = 60_000;
const [slowTime, slowRate] = [120_000, 8 * 1024];

export function createReleaseServer({ url, key, stallAfter = 30_000 }: ReleaseServerOptions): ReleaseServer {
  const base = url.endsWith("/") ? url : `${url}/`;

  async function get(file: string): Promise<ReadableStream<Uint8Array>> {
    const abort = new AbortController();
    let timer = setTimeout(() => abort.abort(), stallAfter);
    const response = await fetch(new URL(file, base), { signal: abort.signal }).catch((cause) => {
      throw unreachable(base, cause);
    });
    if (!response.ok || response.body === null) {
      clearTimeout(timer);
      throw failed(`${new URL(file, base)} answered ${response.status}.`);
    }
    return response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          clearTimeout(timer);
          timer = setTimeout(() => abort.abort(), stallAfter);
          controller.enqueue(chunk);
        },
        flush: () => clearTimeout(timer),
      }),
    );
  }

  async function small(file: string): Promise<Uint8Array> {
    const body = await get(file);
    const chunks: Uint8Array[] = [];
    const end = performance.now() + listTime;
    let size = 0;
    try {
      for await (const chunk of body) {
        size += chunk.length;
        if (performance.now() > end) throw failed(`${file} takes longer than ${listTime / 1000} s.`);
        if (size > largestList) throw failed(`${file} is larger than any list of releases.`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw error instanceof OcpError ? error : unreachable(base, error);
    }
    return Buffer.concat(chunks);
  }

  return {
    url: base,

    async list() {
      const [bytes, signature] = await Promise.all([small("manifest.json"), small("manifest.json.sig")]);
      return readManifest(bytes, new TextDecoder().decode(signature), key);
    },

    async download(asset, file) {
      const body = await get(asset.file);
      const [packed, unpacked] = [createHash("sha256"), createHash("sha256")];
      let [received, written] = [0, 0];
      const begun = performance.now();
      const counted = body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
          transform(chunk, controller) {
            received += chunk.length;
            if (received > asset.size) throw failed("The download is longer than the release says.");
            const elapsed = performance.now() - begun;
            if (elapsed > slowTime && received < (elapsed / 1000) * slowRate) {
              throw failed("The download is too slow to come to an end. Nothing was changed; try again.");
            }
            packed.update(chunk);
            controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
          },
        }),
      );
      const output = createWriteStream(file, { flags: "wx", mode: 0o700, flush: true });
      try {
        await once(output, "open");
        for await (const chunk of counted.pipeThrough(new DecompressionStream("gzip"))) {
          written += chunk.length;
          if (written > asset.binary.size) throw failed("The download unpacks to more than the release says.");
          unpacked.update(chunk);
          if (!output.write(chunk)) await once(output, "drain");
        }
        output.end();
        await once(output, "close");
      } catch (error) {
        output.destroy();
        throw describe(error, received, asset);
      }
      if (received < asset.size) throw cutOff(received, asset);
      const isRight = packed.digest("hex") === asset.sha256 && unpacked.digest("hex") === asset.binary.sha256;
      if (!isRight) throw failed("The download has another checksum than the release says. Nothing was changed.");
    },
  };
}

function describe(error: unknown, received: number, asset: Asset): OcpError {
  if (error instanceof OcpError) return error;
  const { code, name } = error as { code?: string; name?: string };
  if (code === "ENOSPC") return failed("The disk is full: the new version does not fit. Nothing was changed.");
  if (name === "AbortError") return failed("The download stands still. Nothing was changed; try again.");
  if (received < asset.size) return cutOff(received, asset);
  return failed(
    `The download cannot be unpacked or written (${code ?? (error as Error).message}). Nothing was changed.`,
  );
}

function cutOff(received: number, asset: Asset): OcpError {
  return failed(`The download was cut off after ${received} of ${asset.size} bytes. Nothing was changed; try again.`);
}

function unreachable(url: string, cause: unknown): OcpError {
  const { code, name } = cause as { code?: string; name?: string };
  const why = name === "AbortError" ? "it does not answer" : (code ?? name ?? "unknown");
  return new OcpError("upstream_failed", `The release server ${url} cannot be reached: ${why}.`, { cause });
}

function failed(message: string): OcpError {
  return new OcpError("upstream_failed", message);
}
