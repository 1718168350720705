/** Which requests are never answered from the cache, because they say that they belong to something that goes on. */

/**
 * Whether the body or the head of a request, in any of the dialects, names a session, or has a `cache_control` mark
 * anywhere: its client lays out its prompt for the vendor's cache and expects the vendor's answer.
 */
export function wantsOwnAnswer(request: Request, body: Record<string, unknown>): boolean {
  const names = [body.session_id, body.conversation_id];
  for (const header of ["x-session-id", "x-conversation-id"]) names.push(request.headers.get(header));
  return names.some(isName) || hasMark(body);
}

function isName(value: unknown): boolean {
  return typeof value === "string" ? value.trim() !== "" : value !== undefined && value !== null;
}

/** Not by recursion: a body may be nested deeper than the stack is. */
function hasMark(body: object): boolean {
  const open: object[] = [body];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const [key, child] of Object.entries(value)) {
      if (child === null) continue;
      if (key === "cache_control") return true;
      if (typeof child === "object") open.push(child);
    }
  }
  return false;
}
