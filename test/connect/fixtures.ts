/** What users have in the files of their clients: with comments, other providers, other models, and in older forms. */

export interface Fixture {
  client: string;
  /** From the home. */
  file: string;
  /** The one that is made where there is none, if that is another. */
  newFile?: string;
  /** Nothing of ours is in it. */
  text: string;
  /** Comments, which a file of this kind takes. */
  comment: (text: string) => string;
  invalid: string;
  /** With an entry of our own, as an older version of us, or a user by hand, may have written it. */
  older: string;
  /** What must be found in the file once it is connected, as a pattern. */
  ours: RegExp;
}

const slashes = (text: string) => `// ${text}`;
const hash = (text: string) => `# ${text}`;

export const fixtures: readonly Fixture[] = [
  {
    client: "opencode",
    file: ".config/opencode/opencode.json",
    text: `{
  // mine
  "$schema": "https://opencode.ai/config.json",
  "model": "theirs/x", // the one I like
  "provider": {
    "theirs": { "npm": "@ai-sdk/openai-compatible", "options": { "baseURL": "http://other/v1" } }, // keep
  },
}
`,
    comment: slashes,
    invalid: '{ "provider": ',
    older: '{ "provider": { "ocp": { "npm": "@ai-sdk/openai", "models": {} }, "a": {} } }\n',
    ours: /"baseURL": "http:\/\/192\.168\.1\.20:3456\/v1"/,
  },
  {
    client: "kilo",
    file: ".config/kilo/kilo.jsonc",
    newFile: ".config/kilo/kilo.json",
    text: '{\n    /* mine */\n    "provider": {"theirs": {"name": "x"}},\n    "model": "theirs/x"\n}',
    comment: slashes,
    invalid: "{]",
    older: '{"provider": {"ocp": {"name": "old"}}}',
    ours: /"apiKey": "ocp_/,
  },
  {
    client: "codex",
    file: ".codex/config.toml",
    text: `# mine
model = "gpt-x" # the one I like
approval_policy = "never"

[model_providers.theirs]
name = "Theirs"
base_url = "http://other/v1"

# servers
[mcp_servers.files]
command = "npx"
args = ["-y", "files"]
`,
    comment: hash,
    invalid: "model = = 1\n",
    older: 'model = "x"\n[model_providers.ocp]\nname = "OCP"\nwire_api = "chat"\nenv_key = "OLD"\n',
    ours: /wire_api = "responses"/,
  },
  {
    client: "claude-code",
    file: ".claude/settings.json",
    text: '{\n\t"env": {\n\t\t"FOO": "1"\n\t},\n\t"permissions": { "allow": ["Bash(ls:*)"] }\n}\n',
    comment: slashes,
    invalid: "{ env }",
    older: '{ "env": { "ANTHROPIC_BASE_URL": "http://old:1", "ANTHROPIC_AUTH_TOKEN": "x" } }\n',
    ours: /"ANTHROPIC_BASE_URL": "http:\/\/192\.168\.1\.20:3456"/,
  },
  {
    client: "continue",
    file: ".continue/config.yaml",
    text: `# mine
name: Mine
version: 0.0.1
schema: v1
models:
  - name: Theirs # keep
    provider: ollama
    model: x
    roles: [chat, autocomplete]
rules:
  - Be brief
`,
    comment: hash,
    invalid: "models: [\n",
    older:
      "name: Mine\nversion: 0.0.1\nschema: v1\nmodels:\n  - name: Claude Sonnet 4.6 (OCP)\n    provider: anthropic\n",
    ours: /apiBase: http:\/\/192\.168\.1\.20:3456\/v1/,
  },
  {
    client: "cline",
    file: ".cline/data/settings/providers.json",
    text: '{\n  "version": 1,\n  "lastUsedProvider": "anthropic",\n  "modes": {},\n  "providers": {\n    "anthropic": { "settings": { "provider": "anthropic" } }\n  }\n}\n',
    comment: slashes,
    invalid: "[",
    older: '{ "version": 1, "providers": { "openai-compatible": { "settings": {} } } }\n',
    ours: /"baseUrl": "http:\/\/192\.168\.1\.20:3456\/v1"/,
  },
  {
    client: "openclaw",
    file: ".openclaw/openclaw.json",
    text: `{
  // mine
  gateway: { port: 18789, mode: 'local' },
  models: {
    mode: 'merge',
    providers: { theirs: { baseUrl: 'http://other/v1', models: [] } },
  },
  agents: { defaults: { model: { primary: 'theirs/x' }, modelPolicy: { allow: ['theirs/*'] } } },
}
`,
    comment: slashes,
    invalid: "{ models: ",
    older: '{ models: { providers: { ocp: { baseUrl: "http://old/v1", authHeader: true, models: [] } } } }\n',
    ours: /"baseUrl": "http:\/\/192\.168\.1\.20:3456\/v1"/,
  },
  {
    client: "aider",
    file: ".aider.conf.yml",
    text: "# mine\nmodel: gpt-x # the one I like\nread:\n  - CONVENTIONS.md\n",
    comment: hash,
    invalid: "model: [\n",
    older: "openai-api-base:\nmodel: x\n",
    ours: /openai-api-base: http:\/\/192\.168\.1\.20:3456\/v1/,
  },
  {
    client: "llm",
    file: ".config/io.datasette.llm/extra-openai-models.yaml",
    text: "# mine\n- model_id: theirs\n  model_name: x\n  api_base: http://other/v1 # keep\n",
    comment: hash,
    invalid: "- a: [\n",
    older: "- model_id: ocp-sonnet-4-6\n  model_name: old\n",
    ours: /api_key_name: ocp/,
  },
  {
    client: "zed",
    file: ".config/zed/settings.json",
    text: '// Zed settings\n{\n  "theme": "One Dark", // mine\n  "language_models": {\n    "openai_compatible": { "theirs": { "api_url": "http://other/v1", "available_models": [] } },\n  },\n}\n',
    comment: slashes,
    invalid: "{",
    older: '{ "language_models": { "openai_compatible": { "ocp": { "api_url": "http://old/v1" } } } }\n',
    ours: /"api_url": "http:\/\/192\.168\.1\.20:3456\/v1"/,
  },
  {
    client: "roo",
    file: ".config/Code/User/settings.json",
    text: '{\n    "editor.fontSize": 13,\n    // mine\n    "roo-cline.allowedCommands": ["git log"]\n}',
    comment: slashes,
    invalid: "{ , }",
    older: '{ "roo-cline.autoImportSettingsPath": "/old.json" }\n',
    ours: /"roo-cline\.autoImportSettingsPath": ".*\/ocp\/roo\.json"/,
  },
  {
    client: "shell",
    file: ".bashrc",
    text: "# mine\nalias ll='ls -l'\n\nexport EDITOR=vi",
    comment: hash,
    invalid: "",
    older: "",
    ours: /if \[ -r '.*\/ocp\/env\.sh' \]; then/,
  },
];
