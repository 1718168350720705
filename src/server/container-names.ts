/**
 * The names by which a program in a container calls the machine that the container runs on. They are this server's for
 * such a program alone: for a connection from this machine, or from the network of a container engine on it.
 *
 * This is safe although a hostile resolver may lead such a name anywhere, and a page of that name to this server (DNS
 * rebinding): `.internal` is reserved (ICANN, 2024), so nobody can register one; the browsers of other machines are
 * refused by their address; and under these names nobody counts as a program of this machine (door.ts), and pages
 * are refused (browsers.ts). What is left to such a page is what every caller without a key may read.
 */

import { BlockList, isIPv4 } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { isLoopback, plainAddress } from "../core/address.ts";

/** As `networkInterfaces` of node:os tells them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

const names = new Set(["host.docker.internal", "gateway.docker.internal", "host.containers.internal"]);

/** `name` in lower case, without a port. */
export function isContainerName(name: string): boolean {
  return names.has(name);
}

/** Bridges of Docker, Podman, CNI and nerdctl. Not `br-lan` and its like, behind which other machines are. */
const bridge = /^(docker(0|_gwbridge)|br-[0-9a-f]{12}|(cni-)?podman\d+|cni\d+|nerdctl\d+)$/;

/**
 * Returns whether a peer may be a container of this machine. Docker Desktop, slirp4netns and pasta connect from this
 * machine's own addresses, a bridge from the address of the container.
 */
export function isContainerPeer(address: string | null, interfaces: () => Interfaces): boolean {
  if (address === null) return false;
  if (isLoopback(address)) return true;
  const peer = plainAddress(address);
  const near = new BlockList();
  for (const [name, addresses = []] of Object.entries(interfaces())) {
    for (const own of addresses) {
      const family = own.family === "IPv4" ? "ipv4" : "ipv6";
      const prefix = Number(own.cidr?.split("/")[1]);
      if (bridge.test(name) && own.cidr !== null) near.addSubnet(own.address, prefix, family);
      else near.addAddress(own.address, family);
    }
  }
  return near.check(peer, isIPv4(peer) ? "ipv4" : "ipv6");
}
