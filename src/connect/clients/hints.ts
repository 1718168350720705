/** Clients whose settings only they can write: what to type there. */

import { join } from "node:path";
import { type Client, type Endpoint, keyOrNone } from "../client.ts";
import type { Place } from "../place.ts";

interface Hint {
  id: string;
  name: string;
  detect?: (place: Place) => boolean;
  lines: (endpoint: Endpoint & { base: string; shown: string }) => string[];
}

const hints: Hint[] = [
  {
    id: "cursor",
    name: "Cursor",
    detect: ({ hasProgram, exists, home }) =>
      hasProgram("cursor") || exists(join(home, ".cursor")) || exists("/Applications/Cursor.app"),
    lines: ({ shown, main }) => [
      "Cursor's requests come from Cursor's own servers, which do not reach a private address: it needs a public https one.",
      "If you have one: Settings, Models, API Keys: OpenAI API Key and Override OpenAI Base URL https://<public address>/v1",
      `The key is ${shown}; add the model ${main.id} by hand.`,
    ],
  },
  {
    id: "jetbrains",
    name: "JetBrains AI Assistant",
    detect: ({ exists, config, home }) =>
      exists(join(config, "JetBrains")) || exists(join(home, "Library", "Application Support", "JetBrains")),
    lines: ({ base, shown, main }) => [
      "Settings, Tools, AI Assistant, Providers & API keys: OpenAI-compatible.",
      `URL ${base}, key ${shown}, model ${main.id}`,
    ],
  },
  {
    id: "open-webui",
    name: "Open WebUI",
    lines: ({ base, shown }) => [
      `Before its first start: OPENAI_API_BASE_URLS=${base} OPENAI_API_KEYS=${shown}`,
      "Later it ignores these: Admin Panel, Settings, Connections, with the same two.",
    ],
  },
  {
    id: "librechat",
    name: "LibreChat",
    lines: ({ base, main, small }) => [
      "In librechat.yaml, below endpoints.custom, with OCP_API_KEY in its .env:",
      `- { name: OCP, apiKey: "\${OCP_API_KEY}", baseURL: "${base}", models: { default: [${main.id}], fetch: true }, titleConvo: true, titleModel: ${small.id} }`,
    ],
  },
  {
    id: "home-assistant",
    name: "Home Assistant",
    lines: ({ base, shown, main }) => [
      "Its own OpenAI integration takes no address. Use Extended OpenAI Conversation from HACS:",
      `Base URL ${base}, API key ${shown}, model ${main.id}`,
    ],
  },
  {
    id: "sdk",
    name: "Programs of your own",
    lines: ({ base, url, shown, main }) => [
      `OpenAI, JavaScript: new OpenAI({ baseURL: "${base}", apiKey: "${shown}" })`,
      `OpenAI, Python: OpenAI(base_url="${base}", api_key="${shown}")`,
      `LangChain: new ChatOpenAI({ model: "${main.id}", apiKey: "${shown}", configuration: { baseURL: "${base}" } })`,
      `Anthropic: new Anthropic({ baseURL: "${url}", authToken: "${shown}" })`,
    ],
  },
];

/** The key itself is shown nowhere: what is on a screen is read by others. */
export const hinted: readonly Client[] = hints.map(({ id, name, detect, lines }) => ({
  id,
  name,
  detect: detect ?? (() => false),
  plan: (_, endpoint) => ({
    kind: "hint",
    lines: lines({
      ...endpoint,
      base: `${endpoint.url}/v1`,
      shown: endpoint.key === null ? keyOrNone(endpoint) : "<your key>",
    }),
  }),
}));
