/**
 * What is written for clients that do not run here, read by what they read it with: PyYAML for Aider and llm, VS Code's
 * own parser and Roo Code's own schema, and for Zed the fields of its `OpenAiCompatibleAvailableModel`.
 */

import { describe, expect, test } from "bun:test";
import { providerSettingsWithIdSchema } from "@roo-code/types";
import Ajv from "ajv";
import { type ParseError, parse } from "jsonc-parser";
import { needs } from "../harness/needs.ts";
import { createMachine, key, models } from "./machine.ts";

const url = "http://192.168.1.20:3456/v1";

/** As `yaml.safe_load` gives it. */
function pyyaml(text: string): unknown {
  const script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin.read())))";
  const { stdout, stderr, exitCode } = Bun.spawnSync(["/usr/bin/python3", "-c", script], { stdin: Buffer.from(text) });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

function vscode(text: string): Record<string, unknown> {
  const errors: ParseError[] = [];
  const found = parse(text, errors, { allowTrailingComma: true });
  expect(errors).toEqual([]);
  return found;
}

const yamlForms = ["", "# mine\nread: [a.md]\n", "dark-mode: true\r\nread:\r\n  - a.md\r\n"];

needs("python3-yaml").describe("Aider", () => {
  test.each(yamlForms)("reads its settings in %j, and what is known of the models", async (before) => {
    await using machine = await createMachine();
    if (before !== "") machine.put(".aider.conf.yml", before);
    machine.connect("aider", { setDefault: true });
    const own = before === "" ? {} : (pyyaml(before) as object);
    expect(pyyaml(machine.read(".aider.conf.yml"))).toEqual({
      ...own,
      "openai-api-base": url,
      "openai-api-key": key,
      model: "openai/claude-sonnet-4-6",
      "weak-model": "openai/claude-haiku-4-5",
    });
    const metadata = JSON.parse(machine.read(".aider.model.metadata.json"));
    expect(Object.keys(metadata)).toEqual(models.map(({ id }) => `openai/${id}`));
    expect(metadata["openai/claude-sonnet-4-6"]).toMatchObject({
      max_input_tokens: 200_000,
      max_output_tokens: 32_000,
      litellm_provider: "openai",
      mode: "chat",
    });
  });

  test("one who has another server keeps it, and gets a hint", async () => {
    await using machine = await createMachine();
    machine.put(".aider.conf.yml", "openai-api-base: https://theirs/v1\n");
    expect(machine.plan("aider")).toMatchObject({ kind: "hint" });
    machine.connect("aider", { setDefault: true });
    machine.disconnect();
    expect(machine.read(".aider.conf.yml")).toBe("openai-api-base: https://theirs/v1\n");
  });
});

needs("python3-yaml").describe("llm", () => {
  test.each(["", "- model_id: theirs\n  model_name: x\n", "[]\n"])(
    "reads its models in %j, and its key",
    async (before) => {
      await using machine = await createMachine();
      const directory = ".config/io.datasette.llm";
      if (before !== "") machine.put(`${directory}/extra-openai-models.yaml`, before);
      machine.put(`${directory}/keys.json`, '{"// Note": "mine", "openai": "sk-x"}');
      machine.connect("llm");
      const own = before === "" ? [] : (pyyaml(before) as object[]);
      const found = pyyaml(machine.read(`${directory}/extra-openai-models.yaml`)) as object[];
      expect(found.slice(0, own.length)).toEqual(own);
      expect(found.at(own.length + 1)).toEqual({
        model_id: "ocp-sonnet-4-6",
        model_name: "claude-sonnet-4-6",
        api_base: url,
        api_key_name: "ocp",
        supports_tools: true,
        supports_schema: true,
        vision: true,
      });
      const keys = JSON.parse(machine.read(`${directory}/keys.json`));
      expect(keys).toEqual({ "// Note": "mine", openai: "sk-x", ocp: key });
    },
  );
});

describe("Zed", () => {
  const capability = { type: "boolean" };
  const capabilities = ["tools", "images", "parallel_tool_calls", "prompt_cache_key", "chat_completions"];
  const count = { type: "integer", minimum: 0 };
  const provider = {
    type: "object",
    required: ["api_url", "available_models"],
    additionalProperties: false,
    properties: {
      api_url: { type: "string" },
      available_models: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          required: ["name", "max_tokens"],
          additionalProperties: false,
          properties: {
            name: { type: "string" },
            display_name: { type: "string" },
            max_tokens: count,
            max_output_tokens: count,
            max_completion_tokens: count,
            capabilities: {
              type: "object",
              required: capabilities.slice(0, 4),
              additionalProperties: false,
              properties: Object.fromEntries(capabilities.map((name) => [name, capability])),
            },
          },
        },
      },
    },
  };

  test.each(["", '// mine\n{\n  "theme": "One Dark", // x\n}\n'])(
    "reads its provider in %j, and no key",
    async (before) => {
      await using machine = await createMachine();
      if (before !== "") machine.put(".config/zed/settings.json", before);
      machine.connect("zed", { setDefault: true });
      const text = machine.read(".config/zed/settings.json");
      const found = vscode(text) as { language_models: { openai_compatible: { ocp: unknown } }; agent: unknown };
      const validate = new Ajv().compile(provider);
      expect([validate(found.language_models.openai_compatible.ocp), validate.errors]).toEqual([true, null]);
      expect(found.agent).toEqual({ default_model: { provider: "ocp", model: "claude-sonnet-4-6" } });
      expect(text).not.toContain(key);
    },
  );
});

describe("Roo Code", () => {
  test("imports a profile that its own schema takes, from where its editor's settings say", async () => {
    await using machine = await createMachine();
    machine.put(".config/Code/User/settings.json", '{\n\t// mine\n\t"editor.fontSize": 13,\n}\n');
    machine.connect("roo");
    const settings = vscode(machine.read(".config/Code/User/settings.json"));
    const path = settings["roo-cline.autoImportSettingsPath"];
    expect(path).toBe(machine.path(".config/ocp/roo.json"));
    const { providerProfiles } = JSON.parse(machine.read(".config/ocp/roo.json"));
    expect(providerProfiles.currentApiConfigName).toBe("OCP");
    const profile = providerSettingsWithIdSchema.strict().parse(providerProfiles.apiConfigs.OCP);
    expect(profile).toMatchObject({ apiProvider: "openai", openAiBaseUrl: url, openAiApiKey: key });
  });
});
