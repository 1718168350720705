/** Times in requests and answers: ISO 8601. */

const form = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Epoch ms; a date alone is its beginning in UTC. Null: the text is no such time. */
export function parseTime(text: string): number | null {
  const time = form.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return null;
  // A 30th of February would become a day of March.
  const day = text.slice(0, 10);
  return new Date(Date.parse(day)).toISOString().startsWith(day) ? time : null;
}

/** In UTC. */
export function isoTime(at: number): string;
export function isoTime(at: number | null): string | null;
export function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
