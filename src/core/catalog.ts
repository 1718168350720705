/** The models that are known by name: what a client may ask for, and which id the CLI then gets. */

import { OcpError } from "./errors.ts";

export interface CatalogModel {
  /** The canonical id, as the model's API names it. */
  id: string;
  displayName: string;
  /** The name that OpenClaw shows in its model list. */
  openclawName: string;
  reasoning: boolean;
  /** Tokens. */
  contextWindow: number;
  /** Tokens that an answer may have at most. */
  maxTokens: number;
  vision: boolean;
  /** Epoch seconds; only the order means something. */
  created: number;
}

export interface Catalog {
  /** Newest first. */
  readonly models: readonly CatalogModel[];
  /** Alias to canonical id; the older aliases of earlier versions are among them. */
  readonly aliases: ReadonlyMap<string, string>;
  /** The entry of a canonical id or an alias. */
  find(name: string): CatalogModel | undefined;
  /** Under which name the model is counted: clients may ask for any `claude-...`, so those that are not here are `other`. */
  nameOf(name: string): string;
  /**
   * The id that the CLI gets. Nothing named means the alias `sonnet`; an unknown `claude-...` id is handed through,
   * because the CLI knows the account's models better than this list. Throws OcpError `model_not_found` otherwise.
   */
  resolve(name: string | undefined): string;
}

/** What the CLI may be given as `--model` without having been seen before; it bounds length and characters. */
const plausibleId = /^claude-[a-zA-Z0-9._@:[\]-]{1,120}$/;

/** Builds the catalogue from the content of models.json. Throws OcpError `internal` that names what is wrong in it. */
export function createCatalog(data: unknown): Catalog {
  const file = asRecord(data, "the file");
  if (!Array.isArray(file.models) || file.models.length === 0) throw broken("models must be a non-empty array");
  const models = file.models.map((entry, index) => readModel(entry, `models[${index}]`));

  const byId = new Map(models.map((model) => [model.id, model]));
  if (byId.size !== models.length) throw broken("two models have the same id");

  const aliases = new Map<string, string>();
  for (const group of ["aliases", "legacyAliases"] as const) {
    for (const [alias, id] of Object.entries(asRecord(file[group], group))) {
      if (typeof id !== "string" || !byId.has(id)) throw broken(`${group}.${alias} names no model of the list`);
      if (byId.has(alias) || aliases.has(alias)) throw broken(`${group}.${alias} is taken already`);
      aliases.set(alias, id);
    }
  }
  const usual = aliases.get("sonnet");
  if (usual === undefined) throw broken("aliases.sonnet is missing, it answers requests that name no model");

  const find = (name: string) => byId.get(aliases.get(name) ?? name);
  return {
    models,
    aliases,
    find,
    nameOf: (name) => find(name)?.id ?? "other",
    resolve(name) {
      if (name === undefined) return usual;
      const id = aliases.get(name) ?? name;
      if (byId.has(id) || plausibleId.test(id)) return id;
      throw new OcpError("model_not_found", "This model does not exist. GET /v1/models lists those that do.", {
        param: "model",
      });
    },
  };
}

function readModel(entry: unknown, at: string): CatalogModel {
  const model = asRecord(entry, at);
  const text = (key: string): string => {
    const value = model[key];
    if (typeof value !== "string" || value === "") throw broken(`${at}.${key} must be a non-empty string`);
    return value;
  };
  const count = (key: string): number => {
    const value = model[key];
    if (!Number.isSafeInteger(value) || Number(value) <= 0) throw broken(`${at}.${key} must be a positive integer`);
    return Number(value);
  };
  const flag = (key: string): boolean => {
    const value = model[key];
    if (typeof value !== "boolean") throw broken(`${at}.${key} must be true or false`);
    return value;
  };
  return {
    id: text("id"),
    displayName: text("displayName"),
    openclawName: text("openclawName"),
    reasoning: flag("reasoning"),
    contextWindow: count("contextWindow"),
    maxTokens: count("maxTokens"),
    vision: flag("vision"),
    created: count("created"),
  };
}

function asRecord(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken(`${at} must be an object`);
  return value as Record<string, unknown>;
}

function broken(what: string): OcpError {
  return new OcpError("internal", `models.json is broken: ${what}.`);
}
