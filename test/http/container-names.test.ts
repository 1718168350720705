/** Which connections may call this machine as containers do: over sockets of a network of its own, and by a table. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Interfaces, isContainerPeer } from "../../src/server/container-names.ts";
import { testEnv } from "../harness/env.ts";
import { runInNamespace } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { createTemp } from "../harness/temp.ts";
import type { Called } from "./container-names.ts";

const at = (...cidrs: string[]) =>
  cidrs.map((cidr) => {
    const address = cidr.split("/")[0] as string;
    return { address, cidr, family: address.includes(":") ? "IPv6" : "IPv4", netmask: "", mac: "", internal: false };
  });

const interfaces = {
  lo: at("127.0.0.1/8", "::1/128"),
  eth0: at("192.168.1.20/24", "fd00::20/64"),
  "br-lan": at("192.168.2.1/24"),
  docker0: at("172.17.0.1/16", "fd17::1/64"),
  "br-0123456789ab": at("172.18.0.1/16"),
  podman0: at("10.88.0.1/16"),
  virbr0: at("192.168.122.1/24"),
} as Interfaces;

describe("may be a container of this machine", () => {
  test.each([
    ["127.0.0.1", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    // This machine itself, as pasta connects.
    ["192.168.1.20", true],
    ["fd00::20", true],
    ["172.17.0.2", true],
    ["::ffff:172.17.0.2", true],
    ["fd17::2", true],
    ["172.18.255.9", true],
    ["10.88.0.7", true],
    // The neighbours of this machine, also behind a bridge of its own.
    ["192.168.1.21", false],
    ["::ffff:192.168.1.21", false],
    ["fd00::21", false],
    ["192.168.2.7", false],
    ["192.168.122.7", false],
    ["172.19.0.2", false],
    ["8.8.8.8", false],
    ["", false],
    ["no address", false],
    [null, false],
  ])("%s: %p", (address, may) => {
    expect(isContainerPeer(address, () => interfaces)).toBe(may);
  });
});

needs("network namespaces", "ip").test(
  "a container's connection is let in under such a name, the LAN's is not",
  async () => {
    await using temp = await createTemp();
    const argv = [process.execPath, join(import.meta.dir, "container-names.ts")];
    const called: Called[] = JSON.parse(await runInNamespace(argv, testEnv(temp.home)));
    expect(called).toEqual([
      { from: "127.0.0.1", to: "127.0.0.1", name: "host.docker.internal", status: 200 },
      { from: "172.17.0.9", to: "172.17.0.1", name: "host.docker.internal", status: 200 },
      { from: "192.168.7.2", to: "192.168.7.2", name: "host.containers.internal", status: 200 },
      { from: "192.168.7.9", to: "192.168.7.2", name: "host.docker.internal", status: 403 },
      { from: "10.77.0.9", to: "10.77.0.1", name: "host.docker.internal", status: 403 },
      { from: "10.77.0.9", to: "10.77.0.1", name: "10.77.0.1", status: 200 },
    ]);
  },
  60_000,
);
