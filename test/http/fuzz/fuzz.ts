/** Sends very many requests that nobody should send to one server, and tells how each ended and what it cost. */

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { openFiles } from "../../harness/processes.ts";
import { createRandom } from "./random.ts";
import { type FuzzRequest, type PoliteRequest, requestOf } from "./requests.ts";

export interface FuzzOptions {
  port: number;
  /** The server's process. */
  pid: number;
  count: number;
  seed: number;
  /** Requests at the same time. */
  abreast?: number;
  /** Ms after which a request that has not ended counts as a hang. */
  patience?: number;
  onProgress?: (done: number) => void;
}

export interface FuzzReport {
  /** How many ended with each status, were hung up on, or were left by us. */
  ends: Record<string, number>;
  /** What must not be: each with the number of the request, which `seed` gives again. */
  problems: string[];
  /** Of the server after a tenth of the requests and after the last. */
  rss: { before: number; after: number };
  files: { before: number; after: number };
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { port, pid, count, seed, abreast = 16, patience = 40_000, onProgress = () => {} } = options;
  const ends: Record<string, number> = {};
  const problems: string[] = [];
  let next = 0;
  let done = 0;

  async function work(below: number): Promise<void> {
    while (next < below) {
      const number = next++;
      // Each has its own chance, so that one can be sent again alone.
      const random = createRandom(seed * 1_000_003 + number);
      const request = requestOf(random);
      const sender = `127.${1 + random.int(250)}.${random.int(256)}.${1 + random.int(250)}`;
      const end = await ("pieces" in request
        ? send(request, port, sender, patience)
        : sendPolitely(request, port, patience));
      ends[end] = (ends[end] ?? 0) + 1;
      if (!isFine(end, request)) problems.push(`request ${number}: ${end}`);
      if (++done % 1_000 === 0) onProgress(done);
    }
  }

  async function upTo(below: number): Promise<void> {
    await Promise.all(Array.from({ length: abreast }, () => work(below)));
  }

  await upTo(Math.ceil(count / 10));
  const before = { rss: rssOf(pid), files: await quiet(pid) };
  await upTo(count);
  const after = { rss: rssOf(pid), files: await quiet(pid) };
  return {
    ends,
    problems,
    rss: { before: before.rss, after: after.rss },
    files: { before: before.files, after: after.files },
  };
}

function isFine(end: string, request: FuzzRequest | PoliteRequest): boolean {
  const { isHttp, afterwards } = "pieces" in request ? request : { isHttp: true, afterwards: "wait" };
  const status = Number(end);
  // 505 is what Bun answers by itself to what names no version of HTTP that it speaks.
  if ((status >= 200 && status < 500) || (status === 505 && !isHttp)) return true;
  return end === "left" ? afterwards !== "end" : end === "hung up" && !isHttp;
}

/** The status of the answer, `hung up` without one, `left`, or `hangs`. */
function send(
  { pieces, pause, afterwards }: FuzzRequest,
  port: number,
  from: string,
  patience: number,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    let text = "";
    const timer = setTimeout(() => end(text === "" ? "hangs" : `hangs after ${text.slice(0, 60)}`), patience);
    const end = (how: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    socket.on("data", (data) => {
      if (text.length < 200) text += data.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => end(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? "hung up"));
    void (async () => {
      for (const piece of pieces) {
        socket.write(piece);
        if (pause > 0) await Bun.sleep(pause);
      }
      if (afterwards === "end") socket.end();
      if (afterwards === "leave") end("left");
    })();
  });
}

/** The status of the answer, which is read whole, or why there is none. */
async function sendPolitely(request: PoliteRequest, port: number, patience: number): Promise<string> {
  const { method, target, headers, body } = request;
  const url = URL.parse(target, `http://127.0.0.1:${port}`);
  // A path that begins with `//` names another host.
  if (url?.port !== String(port) || url.hostname !== "127.0.0.1") return "left";
  const init = { method, headers, redirect: "manual", signal: AbortSignal.timeout(patience) } as const;
  try {
    const response = await fetch(url, body === null ? init : { ...init, body });
    await response.bytes();
    return String(response.status);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** The server's open files, once connections that we left are closed there too. */
async function quiet(pid: number): Promise<number> {
  let files = openFiles(pid);
  for (let waited = 0; waited < 40; waited++) {
    await Bun.sleep(100);
    const now = openFiles(pid);
    if (now === files && waited > 5) break;
    files = now;
  }
  return files;
}
