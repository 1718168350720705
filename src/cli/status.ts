/** `ocp status` and `ocp health`: how the server is, in lines of a name and a text. */

import { humanDuration } from "../core/duration.ts";
import { counted, type Fields, fieldsOf, listOf, numberOf, shown, textOf } from "./answers.ts";
import { columns, exitCodes, type Host, write } from "./output.ts";
import { ageText } from "./plan-bars.ts";
import { connectRemote } from "./remote.ts";

export async function printStatus(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  return print(args, host, "/status", statusRows);
}

/** Fails where requests cannot be answered, for scripts. */
export async function printHealth(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  return print(args, host, "/health", healthRows);
}

type Rows = Array<[name: string, text: string]>;

async function print(
  args: Readonly<Record<string, unknown>>,
  host: Host,
  path: string,
  rowsOf: (body: Fields) => Rows,
): Promise<number> {
  const remote = connectRemote(args, host);
  const answer = await remote.request<unknown>("GET", path, null);
  const body = fieldsOf(answer);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(answer, null, 2)}\n` : columns(rowsOf(body)));
  // Strangers are answered too, and are told less.
  if (path === "/health" && remote.withheld !== null && body.spawn === undefined) {
    await write(host, host.stderr, `${remote.withheld}\n`);
  }
  return path === "/health" && body.status !== "ok" ? exitCodes.failure : exitCodes.ok;
}

function statusRows(body: Fields): Rows {
  const [proxy, requests, plan] = [fieldsOf(body.proxy), fieldsOf(body.requests), fieldsOf(body.plan)];
  const { total, active, errors, timeouts } = requests;
  const failed = [counted(errors, "error"), counted(timeouts, "timeout")];
  const counts = [`${shown(total)} in all`, `${shown(active)} active`, ...failed].join(", ");
  return [
    ["status", `${textOf(proxy.status) ?? "unknown"}, OCP ${textOf(proxy.version) ?? "unknown"}`],
    ["up", textOf(proxy.uptime) ?? "unknown"],
    ["login", textOf(proxy.auth) ?? "unknown"],
    ["requests", counts],
    ["plan", `${textOf(plan.status) ?? "unknown"}${ageText(plan)}`],
    ["session", windowText(plan.currentSession)],
    ["week", windowText(fieldsOf(plan.weeklyLimits).allModels)],
    ...listOf(body.recentErrors).map((each): [string, string] => ["error", errorText(fieldsOf(each))]),
  ];
}

function windowText(value: unknown): string {
  const { percent, resetsIn, resetsAt } = fieldsOf(value);
  const reset = textOf(resetsAt) === null ? "" : `, resets in ${textOf(resetsIn) ?? "unknown"}`;
  return `${textOf(percent) ?? "unknown"}${reset}`;
}

function errorText({ time, message, model, requestId }: Fields): string {
  return [time, message, model, requestId].flatMap((part) => textOf(part) ?? []).join("  ");
}

/** Strangers are shown the first two alone. */
function healthRows(body: Fields): Rows {
  const [auth, spawn, queue] = [fieldsOf(body.auth), fieldsOf(body.spawn), fieldsOf(body.concurrency)];
  const [processes, memory] = [fieldsOf(body.processes), fieldsOf(body.memory)];
  const simulated = body.simulated === true ? ", answers are simulated" : "";
  const rows: Array<[string, string | null]> = [
    ["status", `${textOf(body.status) ?? "unknown"}, OCP ${textOf(body.version) ?? "unknown"}${simulated}`],
    ["auth mode", textOf(body.authMode)],
    ["name", textOf(body.instanceName)],
    ["up", upText(body)],
    ["claude", claudeText(body)],
    ["login", loginText(auth)],
    ["isolation", textOf(spawn.mode)],
    ["running", ofText(queue.inflight, queue.maxConcurrent)],
    ["waiting", ofText(queue.queued, queue.maxQueue)],
    ["processes", countsText(processes)],
    ["memory", memoryText(memory)],
    ...listOf(body.advice).map((advice): [string, string | null] => ["to do", textOf(advice)]),
  ];
  return rows.filter((row): row is [string, string] => row[1] !== null);
}

function upText({ uptime }: Fields): string | null {
  const ms = numberOf(uptime);
  return ms === null ? null : humanDuration(ms);
}

function claudeText({ claudeBinary, claudeVersion, claudeBinaryOk }: Fields): string | null {
  if (claudeBinaryOk === undefined) return null;
  const path = textOf(claudeBinary);
  return path === null ? "not found" : `${path} (${textOf(claudeVersion) ?? "version unknown"})`;
}

function loginText({ state, source, message }: Fields): string | null {
  if (textOf(state) === null) return null;
  return textOf(message) ?? [state, source].flatMap((part) => textOf(part) ?? []).join(", ");
}

function ofText(count: unknown, most: unknown): string | null {
  return numberOf(count) === null ? null : `${shown(count)} of ${shown(most)}`;
}

function countsText(processes: Fields): string | null {
  const counts = Object.entries(processes).map(([state, count]) => `${shown(count)} ${textOf(state) ?? ""}`);
  return counts.length === 0 ? null : counts.join(", ");
}

function memoryText({ estimate, limit }: Fields): string | null {
  const megabytes = (bytes: unknown) => `${Math.round((numberOf(bytes) ?? 0) / 1e6)} MB`;
  return numberOf(limit) === null ? null : `${megabytes(estimate)} of ${megabytes(limit)}`;
}
