/** `ocp uninstall`: takes away what `ocp install` wrote, and with `--purge` the data too. */

import { lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Paths, resolvePaths } from "../../config/paths.ts";
import { readServiceEnv } from "../../config/service-env.ts";
import { secretVariables } from "../../config/shown.ts";
import { OcpError } from "../../core/errors.ts";
import { sessionFilesIn } from "../../doctor/data.ts";
import { chooseManager, findInstalled } from "../../service/find.ts";
import { snapshotsIn } from "../../update/snapshot.ts";
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
  const secrets = secretsLeftIn(paths);
  if (secrets.length > 0) {
    kept.push(
      ...secrets.map(({ file, names }) => `${file} still holds ${names.join(", ")}.`),
      "If this machine is to run OCP no longer, delete what it holds: ocp uninstall --purge",
    );
  }
  const nothing = done.length === 0 ? ["No service was installed."] : [];
  const text = [...nothing, ...done, ...kept, ""].join("\n");
  const report = { done, purged: agreed, secrets };
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(report, null, 2)}\n` : text);
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

/**
 * The files with secrets of the service's environment, which are its own and the copies that updates have made, and
 * those with answers of the model.
 */
function secretsLeftIn({ data, serviceEnv }: Paths): Array<{ file: string; names: string[] }> {
  const files = [serviceEnv, ...snapshotsIn(data).map(({ directory }) => join(directory, "service.env"))];
  const environments = files.flatMap((file) => {
    const variables = readServiceEnv(file);
    const names = secretVariables.filter((name) => variables[name]);
    return names.length === 0 ? [] : [{ file, names }];
  });
  const answers = sessionFilesIn(data).map((file) => ({ file, names: ["answers of the model (OCP_SESSION_KEEP)"] }));
  return [...environments, ...answers];
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
