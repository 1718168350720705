/** Network addresses: which are this machine's own, and which belong to one neighbour. */

/** Whether an address, or a host name to bind to, reaches nobody but this machine. */
export function isLoopback(address: string): boolean {
  const plain = bare(address);
  if (plain === "localhost") return true;
  const groups = plain.includes(":") ? groupsOf(plain) : null;
  if (groups === null) return isLoopbackV4(plain);
  const v4 = mappedV4(groups);
  return v4 === null ? groups.every((group, at) => group === (at === 7 ? 1 : 0)) : isLoopbackV4(v4);
}

/**
 * Who is counted as one: an IPv4 address by itself, an IPv6 address by its first 64 bits, since a host may choose the
 * rest of it for each connection.
 */
export function neighbourOf(address: string): string {
  const plain = bare(address);
  const groups = plain.includes(":") ? groupsOf(plain) : null;
  if (groups === null) return plain;
  return (
    mappedV4(groups) ??
    `${groups
      .slice(0, 4)
      .map((group) => group.toString(16))
      .join(":")}::/64`
  );
}

/** Without brackets and zone, and an IPv4 address as such where it comes by a socket that takes both families. */
export function plainAddress(address: string): string {
  const plain = bare(address);
  const groups = plain.includes(":") ? groupsOf(plain) : null;
  return (groups && mappedV4(groups)) ?? plain;
}

/** The 4 or 16 bytes of an address, as `plainAddress` takes it; null for a name. */
export function addressBytes(address: string): number[] | null {
  const plain = plainAddress(address);
  if (plain.includes(":")) return groupsOf(plain)?.flatMap((group) => [group >> 8, group & 0xff]) ?? null;
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(plain) ? plain.split(".").map(Number) : null;
}

/** Without brackets and zone, in lower case. */
function bare(address: string): string {
  const [withoutZone = ""] = address.replace(/^\[|\]$/g, "").split("%", 1);
  return withoutZone.toLowerCase();
}

function isLoopbackV4(address: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(address);
}

/** The IPv4 address in `::ffff:a.b.c.d`, as a socket that takes both families shows it. */
function mappedV4(groups: number[]): string | null {
  if (groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return null;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");
}

/** The eight groups of an IPv6 address; null when it is none. */
function groupsOf(address: string): number[] | null {
  const hex = address.replace(/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (_, ...parts) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const halves = hex.split("::");
  if (halves.length > 2) return null;
  const [front = [], back = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - front.length - back.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...front, ...Array<string>(missing).fill("0"), ...back];
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}
