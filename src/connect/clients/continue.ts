/** Continue, in its editors and its CLI. Source: docs.continue.dev/reference; run with `cn` 1.5.47. */

import { join } from "node:path";
import { isFields } from "../../edit/path.ts";
import { type Client, edit, keyOrNone, ownEdit } from "../client.ts";
import { hasExtension, type Place, settingsIn } from "../place.ts";

export const continueDev: Client = {
  id: "continue",
  name: "Continue",
  detect: (place) =>
    place.hasProgram("cn") || place.exists(directory(place)) || hasExtension(place, "continue.continue"),
  plan(place, endpoint) {
    const path = join(directory(place), "config.yaml");
    const older = join(directory(place), "config.json");
    if (!place.exists(path) && place.exists(older)) {
      return {
        kind: "hint",
        lines: [
          `${older} is of an older format, which Continue's CLI does not read any more.`,
          "Let Continue make a config.yaml of it (Settings, Configs), and connect again.",
        ],
      };
    }
    const found = settingsIn(place, path, "yaml");
    const has = (key: string) => isFields(found) && Object.hasOwn(found, key);
    const root = { name: "Local", version: "1.0.0", schema: "v1" };
    const models = endpoint.models.map(({ id, name, contextWindow, maxOutput, images }) => ({
      name: `${name} (OCP)`,
      provider: "openai",
      model: id,
      apiBase: `${endpoint.url}/v1`,
      apiKey: keyOrNone(endpoint),
      // Not autocomplete, which asks at each key.
      roles: ["chat", "edit", "apply"],
      capabilities: images ? ["tool_use", "image_input"] : ["tool_use"],
      defaultCompletionOptions: { contextLength: contextWindow, maxTokens: maxOutput },
    }));
    // The first is the one that Continue takes when none was chosen.
    const order = [endpoint.main.id, endpoint.small.id];
    const rank = (id: string) => (order.includes(id) ? order.indexOf(id) : order.length);
    models.sort((a, b) => rank(a.model) - rank(b.model));
    return {
      kind: "write",
      dialect: "chat",
      files: [
        {
          path,
          format: "yaml",
          edits: [
            ...Object.entries(root).flatMap(([key, value]) => (has(key) ? [] : [edit([key], value)])),
            ...models.map((model) => ownEdit(["models", { where: "name", is: model.name }], model)),
          ],
          holdsKey: true,
        },
      ],
      notes: [],
    };
  },
};

function directory(place: Place): string {
  return place.env.CONTINUE_GLOBAL_DIR || join(place.home, ".continue");
}
