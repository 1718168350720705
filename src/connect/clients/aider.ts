/** Aider. Source: aider.chat/docs/llms/openai-compat.html, /docs/config/aider_conf.html, /docs/config/adv-model-settings.html. */

import { join } from "node:path";
import { valueAt } from "../../edit/path.ts";
import { type Client, edit, keyOrNone, ownEdit } from "../client.ts";
import { settingsIn } from "../place.ts";

export const aider: Client = {
  id: "aider",
  name: "Aider",
  detect: (place) => place.hasProgram("aider") || place.exists(join(place.home, ".aider.conf.yml")),
  plan(place, endpoint, { setDefault }) {
    const path = join(place.home, ".aider.conf.yml");
    const found = settingsIn(place, path, "yaml");
    const theirs = ["openai-api-base", "openai-api-key"].filter((key) => (valueAt(found, [key]) ?? null) !== null);
    const { main, small, models } = endpoint;
    if (theirs.length > 0 && !setDefault) {
      return {
        kind: "hint",
        lines: [
          `${path} has ${theirs.join(" and ")} already, and Aider knows one such server.`,
          "--set-default puts this server in its place; `ocp disconnect` brings yours back.",
          `For once: aider --openai-api-base ${endpoint.url}/v1 --model openai/${main.id}`,
        ],
      };
    }
    const metadata = models.map(({ id, contextWindow, maxOutput, images }) =>
      ownEdit([`openai/${id}`], {
        max_tokens: maxOutput,
        max_input_tokens: contextWindow,
        max_output_tokens: maxOutput,
        input_cost_per_token: 0,
        output_cost_per_token: 0,
        litellm_provider: "openai",
        mode: "chat",
        supports_vision: images,
        supports_function_calling: true,
      }),
    );
    return {
      kind: "write",
      dialect: "chat",
      files: [
        {
          path,
          format: "yaml",
          edits: [
            edit(["openai-api-base"], `${endpoint.url}/v1`),
            edit(["openai-api-key"], keyOrNone(endpoint)),
            ...(setDefault ? [edit(["model"], `openai/${main.id}`), edit(["weak-model"], `openai/${small.id}`)] : []),
          ],
          holdsKey: true,
        },
        { path: join(place.home, ".aider.model.metadata.json"), format: "jsonc", edits: metadata, holdsKey: false },
      ],
      notes: setDefault ? [] : [`Use it: aider --model openai/${main.id} --weak-model openai/${small.id}`],
    };
  },
};
