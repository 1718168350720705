/** Numbers and times for people. */

export function count(value: unknown): string {
  return typeof value === "number" && Number.isFinite(value) ? value.toLocaleString("en") : "–";
}

export function short(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (value < 10_000) return count(value);
  return value < 1_000_000 ? `${(value / 1000).toFixed(0)} k` : `${(value / 1e6).toFixed(1)} M`;
}

export function ms(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function bytes(value: unknown): string {
  return typeof value === "number" ? `${(value / 1e6).toFixed(0)} MB` : "–";
}

export function percent(fraction: unknown): string {
  return typeof fraction === "number" ? `${Math.round(fraction * 100)} %` : "unknown";
}

export function moment(value: unknown): string {
  const at = typeof value === "number" ? value : Date.parse(String(value));
  return Number.isNaN(at) ? "–" : new Date(at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
}

/** How long until then, or since: `2 h 5 min`. */
export function span(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

/** All kinds of input and output. */
export function tokens(of: Record<string, number> | undefined): number {
  if (!of) return 0;
  return (of.input ?? 0) + (of.cache_read ?? 0) + (of.cache_write ?? 0) + (of.output ?? 0);
}

/** The part of the input that was read from the prompt cache; null: there was no input. */
export function share(of: ReadonlyArray<Record<string, number>>): number | null {
  const sum = (kind: string) => of.reduce((all, each) => all + (each[kind] ?? 0), 0);
  const read = sum("cache_read");
  const input = sum("input") + read + sum("cache_write");
  return input === 0 ? null : read / input;
}

/** A share for people, rounded down: 100 % means that nothing was missed. */
export function fromCache(part: number | null): string {
  return part === null ? "–" : `${Math.floor(100 * part)} %`;
}
