/**
 * Roo Code, by the file that it imports when it starts. Source: `roo-cline.autoImportSettingsPath` in its package.json,
 * and `providerSettingsSchema` of @roo-code/types.
 */

import { join } from "node:path";
import { type Client, edit, keyOrNone, ownEdit } from "../client.ts";
import { hasExtension, vscodeSettings } from "../place.ts";

const setting = "roo-cline.autoImportSettingsPath";

export const roo: Client = {
  id: "roo",
  name: "Roo Code",
  detect: (place) => hasExtension(place, "rooveterinaryinc.roo-cline"),
  plan(place, endpoint) {
    const { main, url } = endpoint;
    const imported = join(place.config, "ocp", "roo.json");
    const profile = {
      id: "ocp",
      apiProvider: "openai",
      openAiBaseUrl: `${url}/v1`,
      openAiApiKey: keyOrNone(endpoint),
      openAiModelId: main.id,
      openAiStreamingEnabled: true,
      openAiCustomModelInfo: {
        maxTokens: main.maxOutput,
        contextWindow: main.contextWindow,
        supportsImages: main.images,
        supportsPromptCache: false,
      },
    };
    const text = `${JSON.stringify({ providerProfiles: { currentApiConfigName: "OCP", apiConfigs: { OCP: profile } } }, null, 2)}\n`;
    return {
      kind: "write",
      dialect: "chat",
      files: [
        { path: imported, format: "whole", edits: [ownEdit([], text)], holdsKey: true },
        { path: vscodeSettings(place), format: "jsonc", edits: [edit([setting], imported)], holdsKey: false },
      ],
      notes: ["Roo Code reads it when its editor starts, and its profile is then OCP."],
    };
  },
};
