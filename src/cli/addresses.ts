/** The addresses of a machine that are worth giving to others. */

import type { NetworkInterfaceInfo } from "node:os";

export interface Address {
  address: string;
  /** The interface that has it. */
  on: string;
  kind: "lan" | "tailscale" | "ipv6" | "public" | "name";
}

/** Networks that live inside the machine: containers and virtual machines. */
const internal = /^(docker|br-|veth|virbr|lxc|cni|flannel|podman|vmnet|vboxnet|utun\d+$|awdl|llw|bridge)/;

/** Those of a home's network first. `interfaces`: as `os.networkInterfaces()` gives them. */
export function addressesOf(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  hostname: string,
): Address[] {
  const found = Object.entries(interfaces).flatMap(([on, infos = []]) =>
    infos.flatMap((info): Address[] => {
      if (info.internal) return [];
      const kind = kindOf(info);
      const isOverlay = kind === "tailscale";
      return kind === null || (internal.test(on) && !isOverlay) ? [] : [{ address: info.address, on, kind }];
    }),
  );
  const name = hostname.split(".", 1)[0] ?? "";
  const byName: Address[] =
    /^[a-z0-9-]{1,63}$/i.test(name) && name !== "localhost"
      ? [{ address: `${name}.local`, on: "mDNS", kind: "name" }]
      : [];
  const order = ["lan", "name", "tailscale", "ipv6", "public"];
  return [...found, ...(found.length > 0 ? byName : [])].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** Null for one that only reaches the same wire (link-local), or that others cannot use. */
function kindOf({ family, address }: NetworkInterfaceInfo): Address["kind"] | null {
  if (family === "IPv6") return /^f[cd]|^[23]/i.test(address) ? "ipv6" : null;
  const [a = 0, b = 0] = address.split(".").map(Number);
  if (a === 169 && b === 254) return null;
  if (a === 100 && b >= 64 && b < 128) return "tailscale";
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) ? "lan" : "public";
}
