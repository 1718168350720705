/** Our provider in OpenClaw's configuration: what it should say. */

/** The name under which OpenClaw knows a server on its own machine. */
export const localProviderName = "claude-local";

/** Sizes in tokens. */
export interface ProvidedModel {
  id: string;
  name: string;
  reasoning: boolean;
  images: boolean;
  contextWindow: number;
  maxOutput: number;
}

/** As OpenClaw 2026.9.6 takes it. `baseUrl`: with `/v1`. */
export function provider(baseUrl: string, apiKey: string, models: readonly ProvidedModel[]) {
  return { baseUrl, apiKey, api: "openai-completions", models: providerModels(models) };
}

export function providerModels(models: readonly ProvidedModel[]) {
  return models.map(({ id, name, reasoning, images, contextWindow, maxOutput }) => ({
    id,
    name,
    reasoning,
    input: images ? ["text", "image"] : ["text"],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow,
    maxTokens: maxOutput,
  }));
}
