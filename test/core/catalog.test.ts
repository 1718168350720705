/** The model catalogue: which names resolve to which id, and what a broken models.json says. */

import { describe, expect, test } from "bun:test";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import { failure } from "../wire/failure.ts";

const catalog = createCatalog(models);

describe("resolve", () => {
  test.each([
    [undefined, "claude-sonnet-5-5"],
    ["sonnet", "claude-sonnet-5-5"],
    ["opus", "claude-opus-5-5"],
    ["haiku", "claude-haiku-5-5"],
    ["fable", "claude-fable-5-2"],
    ["claude-opus-4", "claude-opus-4-7"],
    ["claude-haiku-4", "claude-haiku-4-5-20251001"],
    ["claude-haiku-4-5", "claude-haiku-4-5-20251001"],
    ["claude-opus-4-6", "claude-opus-4-6"],
    ["claude-next-9", "claude-next-9"],
    ["claude-opus-4-6[1m]", "claude-opus-4-6[1m]"],
  ])("%p is %s", (name, id) => {
    expect(catalog.resolve(name)).toBe(id);
  });

  test.each([
    "",
    "gpt-5",
    "Sonnet",
    "constructor",
    "__proto__",
    "claude-",
    "claude-x --dangerous",
    "claude-x\nclaude-y",
    "claude-../../etc",
    `claude-${"x".repeat(121)}`,
    " claude-opus-5",
  ])("%j is no model, and the error does not repeat it", (name) => {
    const error = failure(() => catalog.resolve(name));
    expect(error).toMatchObject({ code: "model_not_found", status: 404, param: "model" });
    if (name.length > 3) expect(error.message).not.toContain(name);
  });
});

describe("the list", () => {
  test("holds each model's limits", () => {
    const limits = catalog.models.map((model) => [model.id, model.contextWindow, model.maxTokens]);
    expect(limits).toEqual([
      ["claude-opus-5-5", 1_000_000, 128_000],
      ["claude-sonnet-5-5", 1_000_000, 128_000],
      ["claude-haiku-5-5", 1_000_000, 128_000],
      ["claude-fable-5-2", 1_000_000, 128_000],
      ["claude-opus-5", 1_000_000, 64_000],
      ["claude-sonnet-5", 1_000_000, 64_000],
      ["claude-opus-4-8", 1_000_000, 64_000],
      ["claude-opus-4-7", 1_000_000, 64_000],
      ["claude-sonnet-4-6", 200_000, 32_000],
      ["claude-opus-4-6", 200_000, 64_000],
      ["claude-haiku-4-5-20251001", 200_000, 32_000],
    ]);
  });

  test("goes from new to old", () => {
    const created = catalog.models.map((model) => model.created);
    expect(created).toEqual(created.toSorted((a, b) => b - a));
  });

  test("is searched by id and by alias, but not by the names of an object's own members", () => {
    expect(catalog.find("opus")?.id).toBe("claude-opus-5-5");
    expect(catalog.find("claude-opus-5")?.displayName).toBe("Claude Opus 5");
    expect(catalog.find("constructor")).toBeUndefined();
    expect(catalog.find("claude-next-9")).toBeUndefined();
  });
});

describe("a broken models.json says where", () => {
  const [entry] = models.models;
  const sound = { models: [entry], aliases: { sonnet: entry?.id }, legacyAliases: {} };
  test("a sound one is taken", () => {
    expect(createCatalog(sound).resolve(undefined)).toBe("claude-opus-5-5");
  });

  test.each<[unknown, string]>([
    [null, "the file"],
    [[], "the file"],
    [{ ...sound, models: [] }, "models must be"],
    [{ ...sound, models: [entry, entry] }, "same id"],
    [{ ...sound, models: [{ ...entry, id: "" }] }, "models[0].id"],
    [{ ...sound, models: [{ ...entry, contextWindow: "1000" }] }, "models[0].contextWindow"],
    [{ ...sound, models: [{ ...entry, maxTokens: -1 }] }, "models[0].maxTokens"],
    [{ ...sound, models: [{ ...entry, vision: "yes" }] }, "models[0].vision"],
    [{ ...sound, aliases: { sonnet: "claude-none" } }, "aliases.sonnet"],
    [{ ...sound, aliases: {} }, "aliases.sonnet is missing"],
    [{ ...sound, legacyAliases: { sonnet: entry?.id } }, "legacyAliases.sonnet is taken"],
    [{ ...sound, legacyAliases: undefined }, "legacyAliases must be"],
  ])("case %#", (data, sentence) => {
    const error = failure(() => createCatalog(data));
    expect(error.message).toStartWith("models.json is broken: ");
    expect(error.message).toContain(sentence);
  });
});
