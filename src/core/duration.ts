/** Spans of time as people read them. */

/** `ms` as `3d 4h 5m` or, below an hour, `5m 12s`. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    ...(seconds < 3_600 ? [[seconds % 60, "s"] as const] : []),
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first);
  return shown.map(([count, unit]) => `${count}${unit}`).join(" ");
}
