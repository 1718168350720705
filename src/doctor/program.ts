/** This binary: which one it is, on what, and whether a newer one is there. */

import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { standing } from "../update/check.ts";
import { listAge } from "../update/list-dates.ts";
import { readMarker } from "../update/marker.ts";
import { type Finding, human, runnable } from "./check.ts";
import type { DoctorContext } from "./context.ts";

export async function binary({ execPath, shell }: DoctorContext): Promise<Finding> {
  const found = (shell.PATH ?? "")
    .split(delimiter)
    .map((directory) => join(directory, "ocp"))
    .find((path) => existsSync(path));
  const evidence = { path: execPath, onPath: found ?? null };
  if (found === undefined) {
    return { level: "ok", message: `This is ${execPath}; no ocp is on the PATH.`, evidence };
  }
  if (real(found) === real(execPath))
    return { level: "ok", message: `This is ${execPath}, the one on the PATH.`, evidence };
  const remedy = human("fix_path", `Remove ${found}, or put the directory of ${execPath} before its in your PATH.`);
  return { level: "warning", message: `This is ${execPath}, but the shell runs ${found}.`, evidence, remedy };
}

export async function version({ build }: DoctorContext): Promise<Finding> {
  return { level: "ok", message: `OCP ${build.version}.`, evidence: { version: build.version, release: build.target } };
}

const supported = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

export async function platform({ machine, arch }: DoctorContext): Promise<Finding> {
  const name = `${machine.platform}-${arch}`;
  const evidence = { platform: name, bun: Bun.version };
  if (supported.includes(name)) return { level: "ok", message: `It runs on ${name}.`, evidence };
  return {
    level: "warning",
    message: `${name} is no platform that OCP is tested on.`,
    evidence,
    remedy: human("fix_platform", "Use Linux or macOS, on 64-bit x86 or Arm."),
  };
}

export async function update({ updates, paths, ocp }: DoctorContext): Promise<Finding> {
  const marker = readMarker(paths.data);
  if (marker !== null) {
    const message = `An update from ${marker.from} to ${marker.to} was interrupted.`;
    return { level: "failure", message, remedy: runnable("update", `${ocp} update --yes`) };
  }
  const { current, latest, available, listDate, problem } = await updates();
  const evidence = { current, latest, listDate };
  if (problem !== null) return { level: "unknown", message: `Whether there is a newer version: ${problem}`, evidence };
  const age = listDate === null ? "" : ` ${listAge(listDate, Date.now())}`;
  if (!available) return { level: "ok", message: `${standing({ current, latest })}${age}`, evidence };
  return {
    level: "warning",
    message: `${latest} is there; this is ${current}.${age}`,
    evidence,
    remedy: runnable("update", `${ocp} update --yes`),
  };
}

export function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
