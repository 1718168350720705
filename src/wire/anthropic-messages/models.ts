/** The model list in Anthropic's shape, which Claude Code's gateway discovery and Anthropic's SDKs read. */

import type { Catalog, CatalogModel } from "../../core/catalog.ts";
import { OcpError } from "../../core/errors.ts";

export interface AnthropicModel {
  type: "model";
  id: string;
  display_name: string;
  /** RFC 3339. */
  created_at: string;
}

export interface AnthropicModelPage {
  data: AnthropicModel[];
  /** Whether more follow in the direction that was asked for. */
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

/** The query of the list, as it stands in the URL. */
export interface AnthropicPageQuery {
  /** 1 to 1000; 20 when absent, as in Anthropic's API. */
  limit?: string | undefined;
  after_id?: string | undefined;
  before_id?: string | undefined;
}

/** `GET /v1/models` with `anthropic-version`. Throws OcpError `invalid_request` for a cursor or limit that is none. */
export function listAnthropicModels(catalog: Catalog, query: AnthropicPageQuery = {}): AnthropicModelPage {
  const all = catalog.models;
  const limit = readLimit(query.limit);
  if (query.after_id !== undefined && query.before_id !== undefined) {
    throw new OcpError("invalid_request", "after_id and before_id exclude one another.", { param: "before_id" });
  }

  let start = 0;
  let end = Math.min(limit, all.length);
  let hasMore = end < all.length;
  if (query.after_id !== undefined) {
    start = positionOf(catalog, query.after_id, "after_id") + 1;
    end = Math.min(start + limit, all.length);
    hasMore = end < all.length;
  } else if (query.before_id !== undefined) {
    end = positionOf(catalog, query.before_id, "before_id");
    start = Math.max(0, end - limit);
    hasMore = start > 0;
  }

  const data = all.slice(start, end).map(toAnthropicModel);
  return { data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

/** `GET /v1/models/:id` with `anthropic-version`, by canonical id or alias. Throws OcpError `model_not_found`. */
export function retrieveAnthropicModel(catalog: Catalog, name: string): AnthropicModel {
  const model = catalog.find(name);
  if (model === undefined) throw new OcpError("model_not_found", "This model is not in the list.", { param: "model" });
  return toAnthropicModel(model);
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return 20;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= 1000) return limit;
  throw new OcpError("invalid_request", "limit must be an integer from 1 to 1000.", { param: "limit" });
}

function positionOf(catalog: Catalog, id: string, param: string): number {
  const position = catalog.models.findIndex((model) => model.id === id);
  if (position === -1) throw new OcpError("invalid_request", `${param} names no model of the list.`, { param });
  return position;
}

function toAnthropicModel(model: CatalogModel): AnthropicModel {
  const createdAt = new Date(model.created * 1000).toISOString().replace(".000Z", "Z");
  return { type: "model", id: model.id, display_name: model.displayName, created_at: createdAt };
}
