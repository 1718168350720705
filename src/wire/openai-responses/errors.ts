/** How a turn's failure is told within a stream; before it, errors have the shape of the chat dialect. */

import type { OcpError } from "../../core/errors.ts";
import { renderOpenAiError } from "../openai-chat/errors.ts";
import type { ServerEvent } from "./blocks.ts";

/** The response's own `error`. Its code is always a text: clients decide by it whether another try makes sense. */
export function renderFailure(error: OcpError): { code: string; message: string } {
  const { type, code, message } = renderOpenAiError(error).error;
  return { code: code ?? (type === "invalid_request_error" ? "invalid_prompt" : "server_error"), message };
}

/** The `error` event. Clients read its fields at the top level or under `error`: the API has sent both. */
export function renderErrorEvent(error: OcpError): ServerEvent {
  const body = renderOpenAiError(error);
  const { code, message, param } = body.error;
  return { type: "error", code, message, param, ...body };
}
