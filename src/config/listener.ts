/**
 * The users whose processes listen at an address of this machine. Linux alone says it to everybody, in
 * `/proc/net/tcp` and `tcp6`: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */

import { readFileSync } from "node:fs";
import { addressBytes } from "../core/address.ts";

/** A state of sockets: LISTEN. */
const listening = "0A";
const fullRange = 2 ** 32 - 1;
/** Stands for every user that is not in this namespace: `/proc/sys/kernel/overflowuid`. */
const overflowUid = 65_534;

/**
 * Their uids; none when no socket is found, as where a port is forwarded to a container, and where the system does not
 * say. `table`: the text of a file below `/proc`.
 */
export function listenersAt(address: string, port: number, table: (path: string) => string = textOf): number[] {
  const bytes = addressBytes(address);
  if (bytes === null) return [];
  const places = placesOf(bytes).map(([file, each]) => [file, `${each}:${hex([port >> 8, port & 0xff])}`] as const);
  const sockets = { tcp: socketsIn(table("net/tcp")), tcp6: socketsIn(table("net/tcp6")) };
  // The kernel prefers a socket of the very address to one of all addresses.
  for (const [file, place] of places) {
    const found = sockets[file].filter((socket) => socket.place === place).map(({ uid }) => uid);
    if (found.length > 0)
      return mapsAllUsers(table("self/uid_map")) ? found : found.filter((uid) => uid !== overflowUid);
  }
  return [];
}

/** The places of sockets that get what is sent to the address, the nearest first, as the tables write them. */
function placesOf(bytes: readonly number[]): Array<["tcp" | "tcp6", string]> {
  const any6 = hex(Array<number>(16).fill(0));
  if (bytes.length === 16) {
    return [
      ["tcp6", words(bytes)],
      ["tcp6", any6],
    ];
  }
  const mapped = [...Array<number>(10).fill(0), 0xff, 0xff, ...bytes];
  return [
    ["tcp", words(bytes)],
    ["tcp6", words(mapped)],
    ["tcp", hex([0, 0, 0, 0])],
    ["tcp6", any6],
  ];
}

/** Words of four bytes in the order of the machine, which is little-endian wherever OCP runs. */
function words(bytes: readonly number[]): string {
  const starts = Array.from({ length: bytes.length / 4 }, (_, at) => at * 4);
  return starts.map((start) => hex(bytes.slice(start, start + 4).toReversed())).join("");
}

function hex(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString("hex").toUpperCase();
}

function socketsIn(table: string): Array<{ place: string; uid: number }> {
  return table.split("\n").flatMap((line) => {
    const [, place, , state, , , , uid] = line.trim().split(/ +/);
    return place !== undefined && state === listening && uid !== undefined ? [{ place, uid: Number(uid) }] : [];
  });
}

/** In a user namespace with a part of the users, the others are all shown as one. */
function mapsAllUsers(map: string): boolean {
  const counts = map.split("\n").map((line) => Number(line.trim().split(/ +/)[2] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0) >= fullRange;
}

function textOf(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}
