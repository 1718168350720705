/** `ocp doctor`: every check, what was found, and what to do first. */

import { build } from "../../config/build.ts";
import { resolvePaths } from "../../config/paths.ts";
import { readServiceEnv } from "../../config/service-env.ts";
import { type Check, type Level, quoted } from "../../doctor/check.ts";
import { type Answer, type DoctorContext, once } from "../../doctor/context.ts";
import { checks, examine, nextAction } from "../../doctor/examine.ts";
import { findInstalled } from "../../service/find.ts";
import { checkForUpdate } from "../../update/check.ts";
import { createListDates } from "../../update/list-dates.ts";
import { syncOptions } from "../openclaw/sync.ts";
import { exitCodes, type Host, usageError, write } from "../output.ts";
import { connectRemote, urlOf } from "../remote.ts";
import { serviceMachine } from "../service/machine.ts";
import { dim, green, red, yellow } from "../style.ts";
import { version } from "../version.ts";

export async function doctor(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const ids = wanted(args.check);
  const context = contextOf(host);
  const found = await examine(context, ids);
  const count = (level: Level) => found.filter((check) => check.level === level).length;
  const next = nextAction(found, context.ocp);
  const report = {
    schema_version: "1",
    timestamp: new Date().toISOString(),
    version,
    platform: `${host.platform}-${process.arch}`,
    ok: count("failure") === 0,
    fail_count: count("failure"),
    warn_count: count("warning"),
    unknown_count: count("unknown"),
    checks: found,
    next_action: next,
  };
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(report, null, 2)}\n` : page(found, next));
  return report.ok ? exitCodes.ok : exitCodes.failure;
}

function wanted(asked: unknown): string[] {
  const known = Object.keys(checks);
  if (typeof asked !== "string") return known;
  const ids = asked.split(",").map((id) => id.trim());
  const unknown = ids.filter((id) => !known.includes(id));
  if (unknown.length > 0) throw usageError(`There is no check ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  return ids;
}

function contextOf(host: Host): DoctorContext {
  const paths = resolvePaths(host.env);
  const machine = serviceMachine(host, paths);
  const installed = findInstalled(machine, paths);
  const settings = installed === null ? host.env : readServiceEnv(paths.serviceEnv);
  const url = urlOf(settings);
  const remote = connectRemote({ url }, host, 5_000);
  const ask = (path: string) => once(async () => remote.request<Answer>("GET", path, null).catch(() => null));
  const health = ask("/health");
  return {
    build,
    ocp: quoted(host.execPath),
    execPath: host.execPath,
    arch: process.arch,
    paths,
    machine,
    shell: host.env,
    settings,
    url,
    service: once(async () => (installed === null ? null : installed.state())),
    health: async () => {
      const answer = await health();
      return typeof answer?.version === "string" && typeof answer.status === "string" ? answer : null;
    },
    status: ask("/status"),
    updates: once(() => checkForUpdate(build, host.env, createListDates(paths.data, build, Date.now))),
    openclaw: syncOptions(host.env),
  };
}

const signs: Readonly<Record<Level, string>> = {
  ok: `${green("ok")}     `,
  warning: yellow("warning"),
  failure: red("failure"),
  unknown: dim("unknown"),
};

function page(found: readonly Check[], next: ReturnType<typeof nextAction>): string {
  const width = Math.max(...found.map(({ id }) => id.length));
  const lines = found.flatMap(({ id, level, message, remedy }) => {
    const steps =
      level === "ok" ? [] : [...(remedy?.human ?? []), ...(remedy?.commands ?? []).map((each) => `Run: ${each}`)];
    return [
      `${signs[level]}  ${id.padEnd(width)}  ${message}`,
      ...steps.map((step) => `${" ".repeat(width + 11)}${step}`),
    ];
  });
  const steps = [...next.human_required, ...next.ai_executable];
  const end = next.kind === "noop" ? "Nothing is to be done." : `First: ${steps[0]}`;
  return [...lines, "", end, ""].join("\n");
}
