/** The plan's windows as bars in a terminal of 60 columns. */

import { humanDuration } from "../core/duration.ts";
import { capitalised, percentText, resetDate } from "../core/plan.ts";
import { type Fields, fieldsOf, numberOf, textOf, timeOf } from "./answers.ts";
import type { Host } from "./output.ts";
import { green, red, yellow } from "./style.ts";

const barWidth = 20;
const labelWidth = 14;

/** The `plan` of the server's `/usage`, a line each; colours are the terminal's business (`write`). */
export function planLines(plan: Fields, host: Host): string[] {
  const { allModels, ...families } = fieldsOf(plan.weeklyLimits);
  const weeks = Object.entries(families).map(([family, window]): [string, unknown] => [
    `Week, ${capitalised(textOf(family) ?? "")}`,
    window,
  ]);
  const windows: Array<[string, unknown]> = [["Session", plan.currentSession], ["Week", allModels], ...weeks];
  const extra = extraText(plan.extraUsage);
  const note = textOf(plan.note);
  return [
    ...windows.flatMap(([label, window]) => windowLines(label, fieldsOf(window), host)),
    ...(extra === null ? [] : [`${"Extra usage".padEnd(labelWidth)}${extra}`]),
    ...(note === null ? [] : ["", ...wrapped(note)]),
  ];
}

/** `, as of 2m 5s ago`, or nothing when nothing is known. */
export function ageText(body: Fields): string {
  const age = numberOf(body.age);
  return age === null ? "" : `, as of ${age < 1_000 ? "now" : `${humanDuration(age)} ago`}`;
}

function windowLines(label: string, window: Fields, host: Host): string[] {
  const share = numberOf(window.utilization);
  const reset = timeOf(window.resetsAt);
  const name = label.slice(0, labelWidth - 1).padEnd(labelWidth);
  const head = share === null ? `${name}unknown` : `${name}${bar(share, host)} ${percentText(share).padStart(4)}`;
  const resets = `resets in ${textOf(window.resetsIn) ?? "unknown"} (${resetDate(reset)})`;
  return reset === null ? [head] : [head, `${" ".repeat(labelWidth)}${resets}`];
}

function bar(share: number, host: Host): string {
  const full = Math.min(barWidth, Math.max(share > 0 ? 1 : 0, Math.round(share * barWidth)));
  const [filled, empty] = isUnicode(host) ? ["█", "░"] : ["#", "-"];
  const coloured = share >= 0.8 ? red : share >= 0.5 ? yellow : green;
  return coloured(filled.repeat(full)) + empty.repeat(barWidth - full);
}

/** Whether the terminal's character set has blocks. */
function isUnicode({ env }: Host): boolean {
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || "");
}

function extraText(value: unknown): string | null {
  const extra = fieldsOf(value);
  const reason = textOf(extra.disabledReason);
  switch (textOf(extra.status)) {
    case null:
      return null;
    case "allowed":
    case "allowed_warning":
      return extra.inUse === true ? "on, and in use" : "on";
    case "rejected":
      return reason === null ? "off" : `off (${reason})`;
    default:
      return "unknown";
  }
}

/** At 60 columns. */
export function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 60) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
