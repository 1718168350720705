/** opencode, and Kilo, which came of it. Source: opencode.ai/docs/providers, /docs/config; run with 1.18.33 and 7.8.1. */

import { join } from "node:path";
import { type Client, type Endpoint, edit, keyOrNone, ownEdit } from "../client.ts";
import { type Place, settingsIn } from "../place.ts";

interface Member {
  id: string;
  name: string;
  schema: string;
}

export const opencode = member({ id: "opencode", name: "opencode", schema: "https://opencode.ai/config.json" });
export const kilo = member({ id: "kilo", name: "Kilo", schema: "https://app.kilo.ai/config.json" });

function member({ id, name, schema }: Member): Client {
  const directory = (place: Place) => join(place.config, id);
  return {
    id,
    name,
    detect: (place) => place.hasProgram(id) || place.exists(directory(place)),
    plan(place, endpoint, { setDefault }) {
      const path = settingsFile(place, directory(place), id);
      const { main, small } = endpoint;
      const isNew = settingsIn(place, path, "jsonc") === undefined;
      const edits = [
        ...(isNew ? [edit(["$schema"], schema)] : []),
        ownEdit(["provider", "ocp"], provider(endpoint)),
        ...(setDefault ? [edit(["model"], `ocp/${main.id}`), edit(["small_model"], `ocp/${small.id}`)] : []),
      ];
      return {
        kind: "write",
        dialect: "chat",
        files: [{ path, format: "jsonc", edits, holdsKey: true }],
        notes: setDefault ? [] : [`Use it: ${id} --model ocp/${main.id}, or choose it with /models.`],
      };
    },
  };
}

/** The one with comments in its name goes first, as in opencode itself. */
function settingsFile(place: Place, directory: string, id: string): string {
  const names = [`${id}.jsonc`, `${id}.json`];
  return join(directory, names.find((name) => place.exists(join(directory, name))) ?? `${id}.json`);
}

function provider(endpoint: Endpoint) {
  const models = endpoint.models.map(({ id, name, contextWindow, maxOutput, images, reasoning }) => [
    id,
    {
      name,
      attachment: images,
      reasoning,
      tool_call: true,
      limit: { context: contextWindow, output: maxOutput },
      modalities: { input: images ? ["text", "image"] : ["text"], output: ["text"] },
    },
  ]);
  return {
    npm: "@ai-sdk/openai-compatible",
    name: "OCP",
    options: { baseURL: `${endpoint.url}/v1`, apiKey: keyOrNone(endpoint) },
    models: Object.fromEntries(models),
  };
}
