/** Cline's CLI, whose settings its editors share. Source: its `provider-settings.ts`; run with 3.0.65. */

import { join } from "node:path";
import { isFields, valueAt } from "../../edit/path.ts";
import { type Client, type Endpoint, edit, keyOrNone } from "../client.ts";
import { hasExtension, type Place, settingsIn } from "../place.ts";

const provider = "openai-compatible";

export const cline: Client = {
  id: "cline",
  name: "Cline",
  detect: (place) =>
    place.hasProgram("cline") ||
    place.exists(join(place.home, ".cline")) ||
    hasExtension(place, "saoudrizwan.claude-dev"),
  plan(place, endpoint, { setDefault }) {
    const path = settingsFile(place);
    const found = settingsIn(place, path, "jsonc");
    const theirs = valueAt(found, ["providers", provider, "settings", "baseUrl"]);
    if (theirs !== undefined && !setDefault) {
      return {
        kind: "hint",
        lines: [
          `Cline has one provider "OpenAI Compatible", and yours is ${String(theirs).slice(0, 200)}.`,
          "--set-default puts this server in its place; `ocp disconnect` brings yours back.",
        ],
      };
    }
    const isNew = !isFields(found);
    const chosen = valueAt(found, ["lastUsedProvider"]);
    return {
      kind: "write",
      dialect: "chat",
      files: [
        {
          path,
          format: "jsonc",
          edits: [
            ...(isNew ? [edit(["version"], 1)] : []),
            // Without one, Cline asks for a login; that is no choice of the user's.
            ...(setDefault || chosen === undefined ? [edit(["lastUsedProvider"], provider)] : []),
            ...(isNew ? [edit(["modes"], {})] : []),
            {
              ...edit(["providers", provider], entry(endpoint)),
              sign: { path: ["settings", "baseUrl"], value: `${endpoint.url}/v1` },
            },
          ],
          holdsKey: true,
        },
      ],
      notes: [
        "An editor that is open has the old settings until its window is reloaded.",
        ...(setDefault || chosen === undefined ? [] : [`Use it: cline -P ${provider} -m ${endpoint.main.id}`]),
      ],
    };
  },
};

function entry(endpoint: Endpoint) {
  return {
    settings: {
      provider,
      apiKey: keyOrNone(endpoint),
      model: endpoint.main.id,
      baseUrl: `${endpoint.url}/v1`,
      contextWindow: endpoint.main.contextWindow,
      maxTokens: endpoint.main.maxOutput,
    },
    updatedAt: new Date(0).toISOString(),
    tokenSource: "manual",
  };
}

function settingsFile({ env, home }: Place): string {
  if (env.CLINE_PROVIDER_SETTINGS_PATH) return env.CLINE_PROVIDER_SETTINGS_PATH;
  return join(env.CLINE_DATA_DIR || join(home, ".cline", "data"), "settings", "providers.json");
}
