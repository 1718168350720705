/** Zed. Source: zed.dev/docs/ai/use-api-access, and `available_models` in its open_ai_compatible provider. */

import { join } from "node:path";
import { type Client, edit, ownEdit } from "../client.ts";
import type { Place } from "../place.ts";

export const zed: Client = {
  id: "zed",
  name: "Zed",
  detect: (place) => ["zed", "zeditor"].some((program) => place.hasProgram(program)) || place.exists(directory(place)),
  plan(place, endpoint, { setDefault }) {
    const { main } = endpoint;
    const provider = {
      api_url: `${endpoint.url}/v1`,
      available_models: endpoint.models.map(({ id, name, contextWindow, maxOutput, images }) => ({
        name: id,
        display_name: `${name} (OCP)`,
        max_tokens: contextWindow,
        max_output_tokens: maxOutput,
        capabilities: {
          tools: true,
          images,
          parallel_tool_calls: true,
          prompt_cache_key: false,
          chat_completions: true,
        },
      })),
    };
    return {
      kind: "write",
      dialect: "chat",
      files: [
        {
          path: join(directory(place), "settings.json"),
          format: "jsonc",
          edits: [
            ownEdit(["language_models", "openai_compatible", "ocp"], provider),
            ...(setDefault ? [edit(["agent", "default_model"], { provider: "ocp", model: main.id })] : []),
          ],
          holdsKey: false,
        },
      ],
      // Zed takes no key from its settings.
      notes: [
        endpoint.key === null
          ? 'Zed asks for a key: give it any, such as "none", in its settings under LLM Providers, ocp.'
          : "Zed takes the key from the variable OCP_API_KEY, which a shell has from now on, or in its settings under LLM Providers, ocp.",
      ],
    };
  },
};

/** On macOS as well. */
function directory({ config }: Place): string {
  return join(config, "zed");
}
