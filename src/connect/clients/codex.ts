/** Codex. It speaks Responses alone. Source: its config reference; run with 0.169.0. */

import { join } from "node:path";
import { type Client, edit, keyOrNone, ownEdit } from "../client.ts";
import type { Place } from "../place.ts";

export const codex: Client = {
  id: "codex",
  name: "Codex",
  detect: (place) => place.hasProgram("codex") || place.exists(home(place)),
  plan(place, endpoint, { setDefault }) {
    const { main } = endpoint;
    const choice = { model: main.id, model_provider: "ocp", model_context_window: main.contextWindow };
    const provider = {
      name: "OCP",
      base_url: `${endpoint.url}/v1`,
      wire_api: "responses",
      // An environment variable would have to be set wherever Codex is started from.
      experimental_bearer_token: keyOrNone(endpoint),
    };
    const profile = join(home(place), "ocp.config.toml");
    const choose = Object.entries(choice).map(([key, value]) => edit([key], value));
    return {
      kind: "write",
      dialect: "responses",
      files: [
        {
          path: join(home(place), "config.toml"),
          format: "toml",
          edits: [...(setDefault ? choose : []), ownEdit(["model_providers", "ocp"], provider)],
          holdsKey: true,
        },
        { path: profile, format: "toml", edits: choose, holdsKey: false },
      ],
      notes: setDefault ? [] : ["Use it: codex -p ocp"],
    };
  },
};

function home(place: Place): string {
  return place.env.CODEX_HOME || join(place.home, ".codex");
}
