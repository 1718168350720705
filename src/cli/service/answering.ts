/** Asks a server of our own whether it answers, as which version. */

import { askServer } from "../../config/ask-server.ts";
import { fieldsOf, textOf } from "../answers.ts";

export interface Answering {
  version: string;
  /** Whether it says of itself that it can answer requests. */
  working: boolean;
  /** What it says is to be done. */
  advice: string[];
}

const patience = 2_000;
const largestHealth = 256 * 1024;
const lookEvery = 100;
/** How long, in ms, a service may take between its order and its process. */
const givenUpAfter = 2_000;

/** Null when nothing answers as OCP does. Never rejects. */
export async function lookForServer(url: string): Promise<Answering | null> {
  try {
    const answer = await askServer(`${url}/health`, {}, { ms: patience, bytes: largestHealth });
    const body = fieldsOf(answer.json);
    const version = textOf(body.version);
    if (version === null || textOf(body.status) === null) return null;
    const advice = Array.isArray(body.advice) ? body.advice.flatMap((each) => textOf(each) ?? []) : [];
    return { version, working: body.status === "ok", advice };
  } catch {
    return null;
  }
}

/**
 * Resolves once a server of this version answers; null when none does within `deadline` ms, or when `isRunning` has
 * said for a while that it does not even run.
 */
export async function awaitServer(
  url: string,
  version: string,
  deadline: number,
  isRunning: () => Promise<boolean | null> = async () => null,
): Promise<Answering | null> {
  let lastRan = performance.now();
  for (const end = performance.now() + deadline; performance.now() < end; await Bun.sleep(lookEvery)) {
    const found = await lookForServer(url);
    if (found?.version === version) return found;
    if ((await isRunning()) !== false) lastRan = performance.now();
    else if (performance.now() - lastRan > givenUpAfter) return null;
  }
  return null;
}

/** Whether nothing answers any more within `deadline` ms. */
export async function awaitSilence(url: string, deadline: number): Promise<boolean> {
  for (const end = performance.now() + deadline; performance.now() < end; await Bun.sleep(lookEvery)) {
    if ((await lookForServer(url)) === null) return true;
  }
  return false;
}
