/** Which addresses are worth giving out, and what `ocp lan` says of them. */

import { describe, expect, test } from "bun:test";
import type { NetworkInterfaceInfo } from "node:os";
import { addressesOf } from "../../src/cli/addresses.ts";
import { targets } from "../harness/ocp.ts";
import { runOcp } from "./run.ts";

function info(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { address, family, internal, netmask: "", mac: "", cidr: null, scopeid: 0 } as NetworkInterfaceInfo;
}

describe("the addresses", () => {
  test("of a home come first, those inside the machine not at all", () => {
    const found = addressesOf(
      {
        lo: [info("127.0.0.1", true), info("::1", true)],
        docker0: [info("172.17.0.1")],
        "br-12ab": [info("172.18.0.1")],
        wlan0: [info("fe80::1"), info("2001:db8::5"), info("192.168.1.20")],
        tailscale0: [info("100.101.102.103"), info("fd7a:115c:a1e0::1")],
        usb0: [info("169.254.3.4")],
        ppp0: [info("203.0.113.9")],
        none: undefined,
      },
      "pi.example.org",
    );
    expect(found.map(({ address, kind }) => [address, kind])).toEqual([
      ["192.168.1.20", "lan"],
      ["pi.local", "name"],
      ["100.101.102.103", "tailscale"],
      ["2001:db8::5", "ipv6"],
      ["fd7a:115c:a1e0::1", "ipv6"],
      ["203.0.113.9", "public"],
    ]);
  });

  test.each([["10.0.0.1"], ["172.16.0.1"], ["172.31.255.1"], ["192.168.0.1"]])("%s is one of a home", (address) => {
    expect(addressesOf({ eth0: [info(address)] }, "localhost")).toEqual([{ address, on: "eth0", kind: "lan" }]);
  });

  test.each([["172.32.0.1"], ["100.128.0.1"], ["11.0.0.1"]])("%s is none", (address) => {
    expect(addressesOf({ eth0: [info(address)] }, "x y")).toEqual([{ address, on: "eth0", kind: "public" }]);
  });

  test("no address is no name", () => {
    expect(addressesOf({}, "pi")).toEqual([]);
  });
});

describe.each(targets())("ocp lan (%s)", (target) => {
  const server = (authMode: string) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => Response.json({ status: "ok", version: "4.0.0", authMode }),
    });
  const lan = async (env: Record<string, string>) => {
    const { code, stdout, stderr } = await runOcp(target, ["lan", "--json"], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout) as { warnings: string[]; addresses: { url: string }[]; port: number };
  };

  test("warns of a server that listens to this machine alone", async () => {
    using ours = server("none");
    const { warnings, port } = await lan({ CLAUDE_PROXY_PORT: String(ours.port) });
    expect(port).toBe(ours.port as number);
    expect(warnings.join(" ")).toContain("ocp install --bind 0.0.0.0 --auth-mode multi");
    expect(warnings.join(" ")).not.toContain("does not answer");
  });

  test("warns of one that lets everybody in, and not of one that asks for a key", async () => {
    using open = server("none");
    using keyed = server("multi");
    const of = async (port: number | undefined) =>
      (await lan({ CLAUDE_PROXY_PORT: String(port), CLAUDE_BIND: "0.0.0.0" })).warnings.join(" ");
    expect(await of(open.port)).toContain("can use your login");
    expect(await of(keyed.port)).not.toMatch(/login|answer|alone/);
  });

  test("says that none answers", async () => {
    expect((await lan({ CLAUDE_PROXY_PORT: "1" })).warnings.join(" ")).toContain("does not answer");
  });

  test("draws a code for phones", async () => {
    const { stdout } = await runOcp(target, ["lan", "--qr"]);
    if (!stdout.includes("This machine's addresses"))
      return expect(stdout).toContain("no address that others could reach");
    expect(stdout).toMatch(/[▀▄█]{5}/);
  });
});
