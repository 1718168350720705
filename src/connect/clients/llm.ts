/** llm, Simon Willison's. Source: llm.datasette.io/en/stable/other-models.html and /setup.html. */

import { isAbsolute, join } from "node:path";
import { type Client, keyOrNone, ownEdit } from "../client.ts";
import type { Place } from "../place.ts";

export const llm: Client = {
  id: "llm",
  name: "llm",
  detect: (place) => place.hasProgram("llm") || place.exists(directory(place)),
  plan(place, endpoint) {
    const models = endpoint.models.map(({ id, images }) => ({
      model_id: `ocp-${id.replace(/^claude-/, "")}`,
      model_name: id,
      api_base: `${endpoint.url}/v1`,
      api_key_name: "ocp",
      supports_tools: true,
      supports_schema: true,
      ...(images ? { vision: true } : {}),
    }));
    const [chosen] = models.filter(({ model_name: id }) => id === endpoint.main.id);
    return {
      kind: "write",
      dialect: "chat",
      files: [
        {
          path: join(directory(place), "extra-openai-models.yaml"),
          format: "yaml",
          edits: models.map((model) => ownEdit([{ where: "model_id", is: model.model_id }], model)),
          holdsKey: false,
        },
        {
          path: join(directory(place), "keys.json"),
          format: "jsonc",
          edits: [ownEdit(["ocp"], keyOrNone(endpoint))],
          holdsKey: true,
        },
      ],
      notes: [`Use it: llm -m ${chosen?.model_id}`],
    };
  },
};

/** As click's `get_app_dir` has it. */
function directory({ env, home, config, platform }: Place): string {
  if (env.LLM_USER_PATH && isAbsolute(env.LLM_USER_PATH)) return env.LLM_USER_PATH;
  return join(platform === "darwin" ? join(home, "Library", "Application Support") : config, "io.datasette.llm");
}
