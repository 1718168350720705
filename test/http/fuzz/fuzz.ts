/** Sends very many requests that nobody should send to one server, and tells how each ended and what it cost. */

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { openFiles, waitUntil } from "../../harness/processes.ts";
import { createRandom } from "./random.ts";
import { type FuzzRequest, type PoliteRequest, requestOf } from "./requests.ts";

export interface FuzzOptions {
  port: number;
  /** The server's process. */
  pid: number;
  /** Requests at the most. */
  count: number;
  /** Ms after which no further request begins. */
  duration?: number;
  /** What most requests present. */
  key?: string;
  seed: number;
  /** Bytes that the server may have in memory after the run beyond what it had in the first tenth of it. */
  growth: number;
  /** Requests at the same time. */
  abreast?: number;
  /** Ms after which a request that has not ended counts as a hang. */
  patience?: number;
  onProgress?: (done: number) => void;
}

export interface FuzzReport {
  /** Requests that were sent. */
  sent: number;
  /** How many ended with each status, were hung up on, or were left by us. */
  ends: Record<string, number>;
  /** What must not be: each with the number of the request, which `seed` gives again. */
  problems: string[];
  /**
   * The least that the server had in memory, in bytes, and open in files: in the first tenth of the run, and within a
   * minute after its end, since what large bodies take is given back with a later collection of garbage.
   */
  before: Held;
  after: Held;
}

export interface Held {
  rss: number;
  files: number;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { port, pid, count, seed, growth, abreast = 16, patience = 40_000, onProgress = () => {} } = options;
  const { key = null, duration = Number.POSITIVE_INFINITY } = options;
  const since = Date.now();
  const ends: Record<string, number> = {};
  const problems: string[] = [];
  let next = 0;
  let done = 0;

  /** Up to this fraction of the run. */
  async function work(part: number): Promise<void> {
    while (next < count * part && Date.now() - since < duration * part) {
      const number = next++;
      // Each has its own chance, so that one can be sent again alone.
      const random = createRandom(seed * 1_000_003 + number);
      const request = requestOf(random, key);
      const sender = `127.${1 + random.int(250)}.${random.int(256)}.${1 + random.int(250)}`;
      const end = await ("pieces" in request
        ? send(request, port, sender, patience)
        : sendPolitely(request, port, patience));
      ends[end] = (ends[end] ?? 0) + 1;
      if (!isFine(end, request)) problems.push(`request ${number}: ${end}`);
      if (++done % 1_000 === 0) onProgress(done);
    }
  }

  const upTo = (part: number) => Promise.all(Array.from({ length: abreast }, () => work(part)));
  await upTo(0.05);
  const before = await leastOf(pid, upTo(0.1));
  await upTo(1);
  // Each of those abreast may have left a connection open to use again.
  const isBack = ({ rss, files }: Held) => rss <= before.rss + growth && files <= before.files + abreast;
  const back = waitUntil("it is as before", () => isBack(held(pid)), 60_000);
  back.catch(({ message }) => problems.push(message));
  const after = await leastOf(
    pid,
    back.catch(() => {}),
  );
  return { sent: done, ends, problems, before, after };
}

/** The least of what the server holds, until then. */
async function leastOf(pid: number, until: Promise<unknown>): Promise<Held> {
  let { rss, files } = held(pid);
  const look = () => {
    const now = held(pid);
    rss = Math.min(rss, now.rss);
    files = Math.min(files, now.files);
  };
  const watch = setInterval(look, 50);
  await until.finally(() => clearInterval(watch));
  look();
  return { rss, files };
}

function isFine(end: string, request: FuzzRequest | PoliteRequest): boolean {
  const { isHttp, afterwards } = "pieces" in request ? request : { isHttp: true, afterwards: "wait" };
  const status = Number(end);
  // 505 is what Bun answers by itself to what names no version of HTTP that it speaks.
  if ((status >= 200 && status < 500) || (status === 505 && !isHttp)) return true;
  // The answer of the model does not fit the schema of the request.
  if (status === 502) return true;
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

function held(pid: number): Held {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { rss: Number(kilobytes) * 1024, files: openFiles(pid) };
}
