/** Calls one server from the addresses of a network: run by container-names.test.ts in a network namespace. */

import { startOcp } from "../harness/ocp.ts";
import { head, raw } from "./raw.ts";

export interface Called {
  from: string;
  to: string;
  name: string;
  status: number;
}

/** A container engine's bridge, and a network card; every address of their networks can be called from. */
const setUp = [
  "ip link add docker0 type bridge",
  "ip addr add 172.17.0.1/16 dev docker0",
  "ip link set docker0 up",
  "ip link add eth7 type bridge",
  "ip addr add 192.168.7.2/24 dev eth7",
  "ip link set eth7 up",
  "ip route add local 172.17.0.0/16 dev lo",
  "ip route add local 192.168.7.0/24 dev lo",
];

const calls: Array<[from: string, to: string, name: string]> = [
  ["127.0.0.1", "127.0.0.1", "host.docker.internal"],
  ["172.17.0.9", "172.17.0.1", "host.docker.internal"],
  ["192.168.7.2", "192.168.7.2", "host.containers.internal"],
  ["192.168.7.9", "192.168.7.2", "host.docker.internal"],
  ["10.77.0.9", "10.77.0.1", "host.docker.internal"],
  ["10.77.0.9", "10.77.0.1", "10.77.0.1"],
];

async function callAll(): Promise<Called[]> {
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", setUp.join(" && ")]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  await using ocp = await startOcp({ target: "binary", args: ["--demo", "--bind", "0.0.0.0"] });
  const port = Number(new URL(ocp.url).port);
  const called: Called[] = [];
  for (const [from, to, name] of calls) {
    using one = raw(
      { port, host: to, from },
      head("GET", "/v1/models", { Host: `${name}:${port}`, Connection: "close" }),
    );
    await one.said("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(one.text())?.[1]);
    called.push({ from, to, name, status });
  }
  return called;
}

if (import.meta.main) await Bun.write(Bun.stdout, JSON.stringify(await callAll()));
