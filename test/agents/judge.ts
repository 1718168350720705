/** What a whole session through our server must be, in sentences on what it is not. */

import type { Disturbance } from "./disturbances.ts";
import type { Report } from "./report.ts";

/** Costs through our server, as a multiple of those of the same session without it. */
const mostExpensive = 1.05;

/** `direct`: the same session without our server. */
export function problemsBeside(direct: Report, ours: Report, disturbance: Disturbance): string[] {
  return [
    ours.cost <= mostExpensive * direct.cost ? [] : `It cost ${ours.cost} units, ${direct.cost} directly.`,
    ours.answers === direct.answers ? [] : `It took ${ours.answers} answers, ${direct.answers} directly.`,
    direct.refused.length === 0 ? [] : `The API refuses thinking of the direct session: ${direct.refused[0]}`,
    problemsOf(ours, disturbance),
  ].flat();
}

/** `ours`: a session of an agent that cannot go without our server. */
export function problemsAlone(ours: Report, disturbance: Disturbance): string[] {
  return [
    ...ours.avoidableWrites.map((write) => `An avoidable write: ${write}.`),
    problemsOf(ours, disturbance),
  ].flat();
}

function problemsOf(ours: Report, disturbance: Disturbance): string[] {
  const { upstream, answers, processes, conversations, refused, interruptions } = ours;
  return [
    upstream === answers ? [] : `${answers} answers took ${upstream} upstream requests.`,
    // Where memory is short, sub-agents take one another's processes, which must cost nothing.
    disturbance === "short of memory" || processes <= conversations
      ? []
      : `${conversations} conversations took ${processes} processes.`,
    refused.length === 0 ? [] : `The API refuses thinking of ${refused.length} requests: ${refused[0]}`,
    disturbance === "none" || interruptions > 1 ? [] : `The session was disturbed ${interruptions} times.`,
  ].flat();
}
