/** Our provider in OpenClaw's configuration, on the machine of the server itself: what it should say. */

import type { CatalogModel } from "../core/catalog.ts";

/** The name under which OpenClaw knows the server on its own machine. */
export const providerName = "claude-local";

export interface ProviderModel {
  id: string;
  name: string;
  reasoning: boolean;
  input: string[];
  cost: { input: number; output: number; cacheRead: number; cacheWrite: number };
  contextWindow: number;
  maxTokens: number;
}

/** As OpenClaw 2026.9.6 takes it. */
export function providerModels(models: readonly CatalogModel[]): ProviderModel[] {
  return models.map((model) => ({
    id: model.id,
    name: model.openclawName,
    reasoning: model.reasoning,
    input: model.vision ? ["text", "image"] : ["text"],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: model.contextWindow,
    maxTokens: model.maxTokens,
  }));
}
