/** `/v1/models`, in two shapes: OpenAI's, and Anthropic's for clients that say `anthropic-version`. */

import { Elysia } from "elysia";
import type { Catalog } from "../../core/catalog.ts";
import { listAnthropicModels, retrieveAnthropicModel } from "../../wire/anthropic-messages/models.ts";
import { listOpenAiModels, retrieveOpenAiModel } from "../../wire/openai-chat/models.ts";
import { saysAnthropicVersion } from "../dialect.ts";
import { errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";

export function modelRoutes(catalog: Catalog) {
  return new Elysia({ name: "models" })
    .get(
      "/v1/models",
      ({ request, query }) =>
        Response.json(saysAnthropicVersion(request) ? listAnthropicModels(catalog, query) : listOpenAiModels(catalog)),
      { detail: listDetail(catalog) },
    )
    .get(
      "/v1/models/:id",
      ({ request, params }) => {
        // The router gives null for a badly percent-encoded name, which no model has.
        const retrieve = saysAnthropicVersion(request) ? retrieveAnthropicModel : retrieveOpenAiModel;
        return Response.json(retrieve(catalog, params.id ?? ""));
      },
      { detail: retrieveDetail(catalog) },
    );
}

const versionHeader = {
  name: "anthropic-version",
  in: "header" as const,
  required: false,
  description: "When present, the answer has the shape of Anthropic's API.",
  schema: { type: "string" as const, example: "2023-06-01" },
};

const pageParameters = [
  { name: "limit", type: "integer" as const, description: "1 to 1000, 20 when absent." },
  { name: "after_id", type: "string" as const, description: "The models after this one." },
  { name: "before_id", type: "string" as const, description: "The models before this one." },
].map(({ name, type, description }) => ({
  name,
  in: "query" as const,
  required: false,
  description: `Anthropic's shape only. ${description}`,
  schema: { type },
}));

function listDetail(catalog: Catalog) {
  const openai = listOpenAiModels(catalog);
  return {
    tags: ["Models"],
    summary: "The models",
    description: "Canonical ids; their aliases, such as `sonnet`, are accepted as `model` as well.",
    security,
    parameters: [versionHeader, ...pageParameters],
    responses: {
      "200": {
        ...jsonResponse("The list, in the shape that the client speaks.", undefined),
        content: {
          "application/json": {
            schema: { type: "object" as const },
            examples: {
              openai: { summary: "OpenAI's shape", value: { ...openai, data: openai.data.slice(0, 2) } },
              anthropic: { summary: "With anthropic-version", value: listAnthropicModels(catalog, { limit: "2" }) },
            },
          },
        },
      },
      ...errorResponses([
        {
          code: "invalid_request",
          when: "A cursor or limit that is none.",
          message: "limit must be an integer from 1 to 1000.",
          param: "limit",
        },
        unauthorized,
      ]),
    },
  };
}

function retrieveDetail(catalog: Catalog) {
  return {
    tags: ["Models"],
    summary: "One model",
    description: "By canonical id or alias.",
    security,
    parameters: [
      {
        name: "id",
        in: "path" as const,
        required: true,
        schema: { type: "string" as const, example: "sonnet" },
      },
      versionHeader,
    ],
    responses: {
      "200": jsonResponse("The model.", listOpenAiModels(catalog).data[0]),
      ...errorResponses([
        unauthorized,
        {
          code: "model_not_found",
          when: "No model has this name.",
          message: "This model is not in the list.",
          param: "model",
        },
      ]),
    },
  };
}
