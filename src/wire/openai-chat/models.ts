/** The model list in OpenAI's shape. */

import type { Catalog, CatalogModel } from "../../core/catalog.ts";
import { OcpError } from "../../core/errors.ts";

export interface OpenAiModel {
  id: string;
  object: "model";
  /** Epoch seconds. */
  created: number;
  owned_by: "anthropic";
  display_name: string;
  /** Tokens. */
  context_window: number;
  /** Tokens that an answer may have at most. */
  max_output_tokens: number;
  input_modalities: Array<"text" | "image">;
  reasoning: boolean;
}

/** `GET /v1/models`. Canonical ids only, because clients show the list; aliases are accepted all the same. */
export function listOpenAiModels(catalog: Catalog): { object: "list"; data: OpenAiModel[] } {
  return { object: "list", data: catalog.models.map(toOpenAiModel) };
}

/** `GET /v1/models/:id`, by canonical id or alias. Throws OcpError `model_not_found`. */
export function retrieveOpenAiModel(catalog: Catalog, name: string): OpenAiModel {
  const model = catalog.find(name);
  if (model === undefined) throw new OcpError("model_not_found", "This model is not in the list.", { param: "model" });
  return toOpenAiModel(model);
}

function toOpenAiModel(model: CatalogModel): OpenAiModel {
  return {
    id: model.id,
    object: "model",
    created: model.created,
    owned_by: "anthropic",
    // OpenAI's list says nothing of these; `ocp connect` tells them to clients that want to know.
    display_name: model.displayName,
    context_window: model.contextWindow,
    max_output_tokens: model.maxTokens,
    input_modalities: model.vision ? ["text", "image"] : ["text"],
    reasoning: model.reasoning,
  };
}
