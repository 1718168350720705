/**
 * One caller who asks the same request again and again: a process of its own, so that a busy test does not delay it.
 * argv: its ProbeRequest as JSON. For each line on stdin it writes one Lap as a line of JSON and begins a new lap.
 */

import type { Lap, ProbeRequest } from "./probe.ts";

const { url, key, path, body, pauseMs } = JSON.parse(process.argv[2] ?? "{}") as ProbeRequest;
const init: RequestInit = {
  method: body === undefined ? "GET" : "POST",
  headers: key === null ? {} : { authorization: `Bearer ${key}` },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
};

let times: number[] = [];
let failures: string[] = [];
let askedAt: number | null = null;

async function ask(): Promise<void> {
  const since = performance.now();
  askedAt = since;
  try {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    if (response.status !== 200) failures.push(`${response.status} ${text.slice(0, 200)}`);
  } catch (error) {
    failures.push(String(error));
  }
  times.push(performance.now() - since);
  askedAt = null;
  process.stdout.write("answered\n");
}

function lap(): Lap {
  // A request that still waits counts with the time that it has waited so far.
  const all = askedAt === null ? times : [...times, performance.now() - askedAt];
  const sorted = all.toSorted((a, b) => a - b);
  const figures = {
    answers: times.length,
    failures,
    medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
    slowestMs: sorted.at(-1) ?? 0,
  };
  times = [];
  failures = [];
  return figures;
}

async function serveLaps(): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of Bun.stdin.stream()) {
    for (const _ of decoder.decode(chunk).matchAll(/\n/g)) process.stdout.write(`${JSON.stringify(lap())}\n`);
  }
  process.exit(0);
}

void serveLaps();
for (;;) {
  await ask();
  await Bun.sleep(pauseMs);
}
