/** How errors are worded for a client, by the family of routes that it called: its body may not be known yet. */

import type { OcpError } from "../core/errors.ts";
import { anthropicErrorHeaders, renderAnthropicError } from "../wire/anthropic-messages/errors.ts";
import { renderOpenAiError } from "../wire/openai-chat/errors.ts";
import { pathOf } from "./exchange.ts";

export interface ErrorDialect {
  body(error: OcpError, requestId: string): object;
  headers(error: OcpError): Record<string, string>;
}

const anthropic: ErrorDialect = { body: renderAnthropicError, headers: anthropicErrorHeaders };
const openai: ErrorDialect = { body: renderOpenAiError, headers: () => ({}) };

export function errorDialectOf(request: Request): ErrorDialect {
  const path = pathOf(request);
  // Also where a base URL has one /v1 too many or too few.
  const isMessages = /^(\/v1)*\/messages(\/|$)/.test(path);
  const isModels = /^\/v1\/models(\/|$)/.test(path);
  return isMessages || (isModels && saysAnthropicVersion(request)) ? anthropic : openai;
}

/** Anthropic's SDKs and Claude Code send it with every request; on routes that two dialects share it tells them apart. */
export function saysAnthropicVersion(request: Request): boolean {
  return request.headers.has("anthropic-version");
}
