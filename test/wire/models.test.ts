/** The model list in both shapes. */

import { describe, expect, test } from "bun:test";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import {
  type AnthropicPageQuery,
  listAnthropicModels,
  retrieveAnthropicModel,
} from "../../src/wire/anthropic-messages/models.ts";
import { listOpenAiModels, retrieveOpenAiModel } from "../../src/wire/openai-chat/models.ts";
import { failure } from "./failure.ts";

const catalog = createCatalog(models);
const ids = catalog.models.map((model) => model.id);
const [newest, second, third] = ids;
const oldest = ids.at(-1);

describe("OpenAI's shape", () => {
  test("lists canonical ids only", () => {
    const list = listOpenAiModels(catalog);
    expect(list.object).toBe("list");
    expect(list.data.map((model) => model.id)).toEqual(ids);
    expect(list.data[0]).toEqual({
      id: "claude-opus-5-5",
      object: "model",
      created: 1_793_491_200,
      owned_by: "anthropic",
      display_name: "Claude Opus 5.5",
      context_window: 1_000_000,
      max_output_tokens: 128_000,
      input_modalities: ["text", "image"],
      reasoning: true,
    });
  });

  test("finds one by id and by alias, and no unknown one", () => {
    expect(retrieveOpenAiModel(catalog, "opus")).toEqual(retrieveOpenAiModel(catalog, "claude-opus-5-5"));
    for (const name of ["claude-next-9", "constructor", ""]) {
      expect(failure(() => retrieveOpenAiModel(catalog, name)).code).toBe("model_not_found");
    }
  });
});

describe("Anthropic's shape", () => {
  test("has a display name and a time", () => {
    expect(retrieveAnthropicModel(catalog, "haiku")).toEqual({
      type: "model",
      id: "claude-haiku-5-5",
      display_name: "Claude Haiku 5.5",
      created_at: "2026-10-04T00:00:00Z",
    });
    expect(failure(() => retrieveAnthropicModel(catalog, "gpt-5")).code).toBe("model_not_found");
  });

  test.each<[AnthropicPageQuery, Array<string | undefined>, boolean]>([
    [{}, ids, false],
    [{ limit: "1000" }, ids, false],
    [{ limit: "2" }, [newest, second], true],
    [{ limit: "1", after_id: newest }, [second], true],
    [{ limit: "100", after_id: newest }, ids.slice(1), false],
    [{ after_id: oldest }, [], false],
    [{ limit: "1", before_id: third }, [second], true],
    [{ limit: "2", before_id: third }, [newest, second], false],
    [{ before_id: newest }, [], false],
  ])("%j", (query, expected, hasMore) => {
    const page = listAnthropicModels(catalog, query);
    expect(page.data.map((model) => model.id) as unknown[]).toEqual(expected);
    expect(page).toMatchObject({
      has_more: hasMore,
      first_id: expected[0] ?? null,
      last_id: expected.at(-1) ?? null,
    });
  });

  test.each<[AnthropicPageQuery, string]>([
    [{ limit: "0" }, "limit"],
    [{ limit: "1001" }, "limit"],
    [{ limit: "-1" }, "limit"],
    [{ limit: "many" }, "limit"],
    [{ limit: "" }, "limit"],
    [{ after_id: "claude-none" }, "after_id"],
    [{ before_id: "claude-none" }, "before_id"],
    [{ after_id: newest, before_id: oldest }, "before_id"],
  ])("%j is refused", (query, param) => {
    expect(failure(() => listAnthropicModels(catalog, query))).toMatchObject({ code: "invalid_request", param });
  });
});
