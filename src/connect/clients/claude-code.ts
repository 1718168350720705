/** Claude Code. Source: code.claude.com/docs/en/llm-gateway and /settings; run with 2.1.330. */

import { join } from "node:path";
import { type Client, edit, keyOrNone } from "../client.ts";
import type { Place } from "../place.ts";

export const claudeCode: Client = {
  id: "claude-code",
  name: "Claude Code",
  detect: (place) => place.hasProgram("claude") || place.exists(directory(place)),
  plan(place, endpoint) {
    if (endpoint.isHere) {
      return {
        kind: "refused",
        why: "The server on this machine runs the claude of this home, which would then ask the server, which would run it again.",
      };
    }
    const path = join(directory(place), "settings.json");
    const hasLogin = place.exists(join(directory(place), ".credentials.json"));
    return {
      kind: "write",
      dialect: "messages",
      files: [
        {
          path,
          format: "jsonc",
          edits: [
            edit(["env", "ANTHROPIC_BASE_URL"], endpoint.url),
            edit(["env", "ANTHROPIC_AUTH_TOKEN"], keyOrNone(endpoint)),
            edit(["env", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"], "1"),
          ],
          holdsKey: true,
        },
      ],
      notes: [
        ...(hasLogin ? ["It asks the server now, and no longer with its own login, until `ocp disconnect`."] : []),
        ...(place.env.ANTHROPIC_API_KEY ? ["ANTHROPIC_API_KEY is set in this shell and goes first: unset it."] : []),
      ],
    };
  },
};

function directory(place: Place): string {
  return place.env.CLAUDE_CONFIG_DIR || join(place.home, ".claude");
}
