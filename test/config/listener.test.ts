/** The users whose processes listen at an address, from the kernel's tables. */

import { expect, test } from "bun:test";
import { listenersAt } from "../../src/config/listener.ts";

const all = "         0          0 4294967295\n";
const socket = (place: string, state: string, uid: number) =>
  `   1: ${place} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 1241494 1 00 100 0 0 10 0\n`;
const tables =
  (tcp: string[], tcp6: string[] = [], map = all) =>
  (path: string) =>
    ({ "net/tcp": tcp.join(""), "net/tcp6": tcp6.join(""), "self/uid_map": map })[path] ?? "";

const loopback = "0100007F:0D80";
const any6 = `${"0".repeat(32)}:0D80`;
const loopback6 = `${"0".repeat(24)}01000000:0D80`;
const mapped = `${"0".repeat(16)}FFFF00000100007F:0D80`;

test.each([
  ["its own address", "127.0.0.1", tables([socket(loopback, "0A", 1000)]), [1000]],
  ["all addresses", "127.0.0.1", tables([socket("00000000:0D80", "0A", 1000)]), [1000]],
  ["all addresses of both families", "127.0.0.1", tables([], [socket(any6, "0A", 1000)]), [1000]],
  ["its own address as one of IPv6", "127.0.0.1", tables([], [socket(mapped, "0A", 1000)]), [1000]],
  ["::1", "[::1]", tables([], [socket(loopback6, "0A", 1000)]), [1000]],
  [
    "its own address, and another at all",
    "127.0.0.1",
    tables([socket(loopback, "0A", 1)], [socket(any6, "0A", 2)]),
    [1],
  ],
  ["another port", "127.0.0.1", tables([socket("0100007F:0D81", "0A", 1000)]), []],
  ["another address", "127.0.0.1", tables([socket("0200007F:0D80", "0A", 1000)]), []],
  ["no address: it is a connection", "127.0.0.1", tables([socket(loopback, "01", 1000)]), []],
  ["no address that the system tells", "127.0.0.1", () => "", []],
  [
    "its own address, outside of a namespace with some users",
    "127.0.0.1",
    tables([socket(loopback, "0A", 65_534)], [], "0 1000 1\n"),
    [],
  ],
  ["its own address, for the user nobody", "127.0.0.1", tables([socket(loopback, "0A", 65_534)]), [65_534]],
  ["a name", "server.test", tables([socket(loopback, "0A", 1000)]), []],
])("a process that listens at %s", (_, address, table, uids) => {
  expect(listenersAt(address, 3456, table)).toEqual(uids);
});
