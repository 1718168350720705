/** The headers in which clients name the conversation that a request belongs to. */

/** As opencode, Kilo, Codex and Claude Code send them, and as people set them by hand. */
const names = ["x-session-id", "x-conversation-id", "x-session-affinity", "session-id", "x-claude-code-session-id"];

export function headerHints(request: Request): string[] {
  return names.flatMap((name) => request.headers.get(name) ?? []);
}
