/** Pieces of the API's description that many routes share; the examples are made by what really answers. */

import { type ErrorCode, OcpError } from "../core/errors.ts";
import { renderOpenAiError } from "../wire/openai-chat/errors.ts";

/** The document's own part; `@elysiajs/swagger` adds the routes. */
export function documentation(version: string) {
  return {
    info: {
      title: "OCP, Open Claude Proxy",
      version,
      description:
        "Your logged-in `claude` CLI as an API. Point an OpenAI client at `/v1` of this server, or an Anthropic client " +
        "at the server itself; where it wants a key, send it as `Authorization: Bearer <key>` or as `x-api-key`.",
    },
    tags: [
      { name: "Chat", description: "Conversations in OpenAI's dialect." },
      { name: "Responses", description: "Conversations in OpenAI's newer dialect." },
      { name: "Messages", description: "Conversations in Anthropic's dialect." },
      { name: "Models", description: "What can be asked for as `model`." },
      { name: "Keys", description: "The keys of people and devices, and what each may use." },
      { name: "Usage", description: "Who has used what, and how much of the plan is used." },
      { name: "Server", description: "Whether it works, and with what." },
    ],
    components: {
      securitySchemes: {
        bearer: { type: "http" as const, scheme: "bearer" },
        apiKey: { type: "apiKey" as const, in: "header" as const, name: "x-api-key" },
      },
    },
  };
}

/** For routes that take a key; the empty alternative is the mode `none` and callers on the server's own machine. */
export const security: Record<string, string[]>[] = [{ bearer: [] }, { apiKey: [] }, {}];

/** For routes that anyone may call. */
export const noSecurity: Record<string, string[]>[] = [];

const requestIdHeader = {
  "x-request-id": {
    description: "The request's id, which the server's log has too.",
    schema: { type: "string" as const, example: "req_9fK2mQ7xTb4LwZ81cVnY" },
  },
};

export const retryAfterHeader = {
  "retry-after": { description: "Seconds until another try makes sense.", schema: { type: "integer" as const } },
};

type Headers = Record<string, { description: string; schema: { type: "string" | "integer"; example?: string } }>;

/** A response with a JSON body; `schema` is a JSON schema where the example does not say enough. */
export function jsonResponse(description: string, example: unknown, headers: Headers = {}, schema: object = {}) {
  return {
    description,
    headers: { ...requestIdHeader, ...headers },
    content: { "application/json": { schema: { type: "object" as const, ...schema }, example } },
  };
}

/** A code, when it comes, and an example's sentence and parameter. */
export interface ErrorRow {
  code: ErrorCode;
  when: string;
  message: string;
  param?: string;
}

/** The responses for errors, by status; `render` gives the example its dialect. */
export function errorResponses(rows: ErrorRow[], render: (error: OcpError) => object = renderOpenAiError) {
  return Object.fromEntries(
    rows.map(({ code, when, message, param }) => {
      const error = new OcpError(code, message, param === undefined ? {} : { param });
      const headers = error.status === 429 ? retryAfterHeader : {};
      return [String(error.status), jsonResponse(when, render(error), headers)];
    }),
  );
}

export const unauthorized = {
  code: "invalid_api_key" as const,
  when: "The key is missing, wrong, revoked or expired.",
  message: "The key that was sent is none of this server's.",
};

/** For routes of the administrator's. */
export const forbidden = {
  code: "forbidden" as const,
  when: "The key is right, but not for this.",
  message: "This is the administrator's: it wants the admin key.",
};
