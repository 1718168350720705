/** `ocp uninstall`: takes away what `ocp install` wrote, and with `--purge` the data too. */

import { lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { resolvePaths } from "../../config/paths.ts";
import { OcpError } from "../../core/errors.ts";
import { chooseManager, findInstalled } from "../../service/find.ts";
import { confirm } from "../confirm.ts";
import { exitCodes, type Host, write } from "../output.ts";
import { serviceMachine } from "./machine.ts";

export async function uninstall(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const paths = resolvePaths(host.env);
  const purge = args.purge === true;
  if (purge) demandOurs(paths.data);
  const agreed =
    purge &&
    (await confirm(`All keys, usage and logs in ${paths.data} would be gone. Delete them?`, args.yes === true, host));
  const machine = serviceMachine(host, paths);
  // Where none is installed, one of an older name may be.
  const service = findInstalled(machine, paths) ?? (await chooseManager(machine, paths, null));
  const done = await service.uninstall();
  if (agreed) {
    rmSync(paths.data, { recursive: true, force: true });
    done.push(`Deleted ${paths.data}.`);
  }
  const kept = agreed || !isThere(paths.data) ? [] : [`Keys, usage and settings stay in ${paths.data}.`];
  const nothing = done.length === 0 ? ["No service was installed."] : [];
  const text = [...nothing, ...done, ...kept, ""].join("\n");
  await write(host, host.stdout, args.json === true ? `${JSON.stringify({ done, purged: agreed }, null, 2)}\n` : text);
  return exitCodes.ok;
}

/** A directory that is no link, and that holds what only OCP makes. */
function demandOurs(data: string): void {
  if (!isThere(data)) return;
  const isOurs =
    !lstatSync(data).isSymbolicLink() &&
    ["ocp.db", "admin-key", "service.env"].some((file) => isThere(join(data, file)));
  if (isOurs) return;
  throw new OcpError(
    "not_ready",
    `${data} does not look like OCP's own directory. It is left alone: look at it and delete it yourself.`,
  );
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
