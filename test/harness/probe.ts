/**
 * Measures how one caller is served while a test loads the server as another: the times of its answers, and the
 * server's own processor time and memory. Linux only.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ProbeRequest {
  url: string;
  /** Null: without a key. */
  key: string | null;
  path: string;
  /** Sent as JSON by POST; absent: a GET. */
  body?: unknown;
  /** From an answer to the next request. */
  pauseMs: number;
}

/** The caller's answers since the last lap. */
export interface Lap {
  answers: number;
  /** Every answer but 200, and every request that got none. */
  failures: string[];
  medianMs: number;
  /** Of all answers, and of the request that was not answered yet. */
  slowestMs: number;
}

export interface Figures extends Lap {
  /** Processor time of the server's own process, ms. */
  cpuMs: number;
  /** Wall clock of the lap, ms. */
  wallMs: number;
  /** The server's largest resident memory, bytes. */
  peakRss: number;
}

export interface Probe extends AsyncDisposable {
  /** Resolves after so many more answers. */
  answers(count: number): Promise<void>;
  /** The figures since the start or the last lap. */
  lap(): Promise<Figures>;
}

export interface ProbeOptions extends Partial<Omit<ProbeRequest, "url">> {}

/** Starts a caller that asks for the models, or for `path` with `body`, until it is disposed of. */
export function startProbe(server: { url: string; pid: number }, options: ProbeOptions = {}): Probe {
  const request: ProbeRequest = { key: null, path: "/v1/models", pauseMs: 10, ...options, url: server.url };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "probe-client.ts"), JSON.stringify(request)], {
    env: { PATH: process.env.PATH ?? "" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  let answered = 0;
  const waiting: Array<{ from: number; resolve: () => void }> = [];
  const laps: Array<(lap: Lap) => void> = [];
  void (async () => {
    for await (const line of linesOf(child.stdout)) {
      if (line !== "answered") {
        laps.shift()?.(JSON.parse(line));
        continue;
      }
      answered++;
      for (const one of waiting.splice(0)) {
        if (answered >= one.from) one.resolve();
        else waiting.push(one);
      }
    }
  })();
  let since = usageOf(server.pid);

  return {
    answers: (count) => new Promise((resolve) => waiting.push({ from: answered + count, resolve })),
    async lap() {
      const { promise, resolve } = Promise.withResolvers<Lap>();
      laps.push(resolve);
      child.stdin.write("lap\n");
      await child.stdin.flush();
      const lap = await promise;
      const now = usageOf(server.pid);
      const figures = {
        ...lap,
        cpuMs: now.cpuMs - since.cpuMs,
        wallMs: now.at - since.at,
        peakRss: now.peakRss,
      };
      resetPeak(server.pid);
      since = now;
      return figures;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/**
 * How many times longer the median answer took than undisturbed. Both are taken for at least `floorMs`: below it the
 * machine's own noise is all there is.
 */
export function slowdown(loaded: Lap, undisturbed: Lap, floorMs = 20): number {
  return Math.max(loaded.medianMs, floorMs) / Math.max(undisturbed.medianMs, floorMs);
}

function usageOf(pid: number): { at: number; cpuMs: number; peakRss: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, in clock ticks of 10 ms.
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const peakRss = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  return { at: performance.now(), cpuMs, peakRss };
}

/** From now on the peak of the resident memory is the peak since this moment. */
function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
