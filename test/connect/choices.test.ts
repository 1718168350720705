/** Defaults, what the user chose before and since, and what must hold of each client's plan beyond its files. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { masked } from "../../src/cli/connect/diff.ts";
import { json5 } from "../../src/edit/json.ts";
import { toml } from "../../src/edit/toml.ts";
import { createMachine, filesOf, type Machine } from "./machine.ts";

const defaults: Array<{ client: string; file: string; before: string; ours: RegExp; later: [string, string] }> = [
  {
    client: "opencode",
    file: ".config/opencode/opencode.json",
    before: '{ "model": "theirs/x" }\n',
    ours: /"model": "ocp\/claude-sonnet-4-6"/,
    later: ["ocp/claude-sonnet-4-6", "theirs/new"],
  },
  {
    client: "codex",
    file: ".codex/config.toml",
    before: 'model = "theirs"\nmodel_provider = "openai"\n',
    ours: /^model = "claude-sonnet-4-6"\nmodel_provider = "ocp"/m,
    later: ['model = "claude-sonnet-4-6"', 'model = "theirs/new"'],
  },
  {
    client: "aider",
    file: ".aider.conf.yml",
    before: "model: theirs\n",
    ours: /^model: openai\/claude-sonnet-4-6$/m,
    later: ["model: openai/claude-sonnet-4-6", "model: theirs/new"],
  },
  {
    client: "openclaw",
    file: ".openclaw/openclaw.json",
    before: '{ agents: { defaults: { model: { primary: "theirs/x" } } } }\n',
    ours: /primary: "ocp\/claude-sonnet-4-6"/,
    later: ['primary: "ocp/claude-sonnet-4-6"', 'primary: "theirs/new"'],
  },
  {
    client: "zed",
    file: ".config/zed/settings.json",
    before: '{ "agent": { "default_model": { "provider": "theirs", "model": "x" } } }\n',
    ours: /"provider": "ocp"/,
    later: ['"provider": "ocp"', '"provider": "theirs/new"'],
  },
];

describe.each(defaults)("the default model of $client", ({ client, file, before, ours, later }) => {
  const machineWith = async (): Promise<Machine> => {
    const machine = await createMachine();
    machine.put(file, before);
    return machine;
  };

  test("stays without --set-default", async () => {
    await using machine = await machineWith();
    machine.connect(client);
    expect(machine.read(file)).not.toMatch(ours);
    expect(machine.read(file)).toMatch(/theirs/);
  });

  test("changes with it, and is the user's own again afterwards", async () => {
    await using machine = await machineWith();
    machine.connect(client, { setDefault: true });
    expect(machine.read(file)).toMatch(ours);
    machine.disconnect();
    expect(machine.read(file)).toBe(before);
  });

  test("comes back as well when the rest was changed since", async () => {
    await using machine = await machineWith();
    machine.connect(client, { setDefault: true });
    machine.put(file, `${machine.read(file)}\n`);
    machine.disconnect();
    expect(machine.read(file).replace(/\s+/g, "")).toBe(before.replace(/\s+/g, ""));
  });

  test("is the one that the user chose since", async () => {
    await using machine = await machineWith();
    machine.connect(client, { setDefault: true });
    expect(machine.read(file)).toContain(later[0]);
    machine.put(file, machine.read(file).replace(later[0], later[1]));
    machine.disconnect();
    expect(machine.read(file)).toContain(later[1]);
    expect(machine.read(file)).not.toContain("192.168.1.20");
  });
});

describe("OpenClaw", () => {
  const file = ".openclaw/openclaw.json";
  test.each<[string, "primary" | "backup" | null, RegExp]>([
    ["{}", null, /"primary": "ocp\/claude-sonnet-4-6"/],
    ["{}", "backup", /"fallbacks": \[\s*"ocp\/claude-sonnet-4-6"/],
    ["{ agents: { defaults: { model: 'theirs/x' } } }", null, /"primary": "theirs\/x",\s*"fallbacks": \[\s*"ocp/],
    ["{ agents: { defaults: { model: { primary: 'a/b', fallbacks: ['c/d'] } } } }", null, /\['c\/d',\s*"ocp\/claude/],
    ["{ agents: { defaults: { model: { primary: 'a/b' } } } }", "primary", /primary: "ocp\/claude-sonnet-4-6"/],
    ["{ agents: { defaults: { modelPolicy: { allow: ['a/*'] } } } }", null, /allow: \['a\/\*',\s*"ocp\/\*"/],
    ["{ agents: { defaults: { modelPolicy: { allow: [] } } } }", null, /allow: \[\]/],
  ])("%s as %s", async (text, role, expected) => {
    await using machine = await createMachine();
    machine.put(file, text);
    machine.connect("openclaw", { openclaw: { name: "ocp", role } });
    expect(machine.read(file)).toMatch(expected);
    machine.disconnect();
    expect(machine.read(file)).toBe(text);
  });

  test("its auth-profiles are never written, and what an older version left there is named", async () => {
    await using machine = await createMachine();
    const profiles = ".openclaw/agents/main/agent/auth-profiles.json";
    machine.put(profiles, '{"profiles": {"ocp:default": {"provider": "ocp", "key": "x"}}}');
    const plan = machine.connect("openclaw");
    expect(plan.notes.join(" ")).toContain("openclaw doctor --fix");
    expect(machine.read(profiles)).toBe('{"profiles": {"ocp:default": {"provider": "ocp", "key": "x"}}}');
  });
});

test("Cline's one server of the kind stays the user's, unless it is to be ours", async () => {
  await using machine = await createMachine();
  const file = ".cline/data/settings/providers.json";
  const theirs = '{"version":1,"providers":{"openai-compatible":{"settings":{"baseUrl":"https://theirs/v1"}}}}';
  machine.put(file, theirs);
  expect(machine.plan("cline")).toMatchObject({ kind: "hint" });
  machine.connect("cline", { setDefault: true });
  expect(machine.read(file)).toContain("192.168.1.20");
  machine.disconnect();
  expect(machine.read(file)).toBe(theirs);
});

test("Continue with a configuration of the older format alone gets a hint, and no second one", async () => {
  await using machine = await createMachine();
  machine.put(".continue/config.json", '{"models": []}');
  expect(machine.plan("continue")).toMatchObject({ kind: "hint" });
});

test("Claude Code is refused where the server runs from, whatever else is wished", async () => {
  await using machine = await createMachine();
  const plan = machine.plan("claude-code", { isHere: true, setDefault: true });
  expect(plan).toMatchObject({ kind: "refused", why: expect.stringContaining("which would then ask the server") });
});

test("a client that reads another file now leaves nothing in the one of before", async () => {
  await using machine = await createMachine();
  machine.connect("opencode");
  machine.put(".config/opencode/opencode.jsonc", "{}\n");
  machine.connect("opencode");
  expect(Object.keys(filesOf(machine)).filter((name) => name.startsWith(".config/opencode"))).toEqual([
    ".config/opencode/opencode.jsonc",
  ]);
  machine.disconnect();
  expect(filesOf(machine)).toEqual({ ".config/opencode/opencode.jsonc": "{}\n" });
});

test("two names of one shell file are one", async () => {
  await using machine = await createMachine({ SHELL: "/bin/bash" });
  machine.put("dotfile", "# mine\n");
  for (const name of [".bashrc", ".zshrc"]) symlinkSync(machine.path("dotfile"), machine.path(name));
  machine.connect("shell");
  machine.connect("shell");
  expect(machine.read("dotfile").match(/ocp connect/g)).toHaveLength(1);
  machine.disconnect();
  expect(machine.read("dotfile")).toBe("# mine\n");
});

test("what cannot be read stands in the way of its own client alone", async () => {
  await using machine = await createMachine();
  mkdirSync(machine.path(".aider.conf.yml"));
  expect(machine.plan("aider")).toMatchObject({ kind: "failed", why: expect.stringContaining("is no file") });
});

test("Codex has its own older table with those within it again, also where something was added since", async () => {
  await using machine = await createMachine();
  const mine = '[model_providers.ocp]\nname = "mine"\n\n[model_providers.ocp.http_headers]\nx = "y"\n';
  machine.put(".codex/config.toml", mine);
  machine.connect("codex");
  machine.put(
    ".codex/config.toml",
    `${machine.read(".codex/config.toml")}\n[projects."/x"]\ntrust_level = "trusted"\n`,
  );
  machine.disconnect();
  expect(toml.read(machine.read(".codex/config.toml"))).toEqual({
    model_providers: { ocp: { name: "mine", http_headers: { x: "y" } } },
    projects: { "/x": { trust_level: "trusted" } },
  });
});

test("OpenClaw's backup goes also from a list that others have joined", async () => {
  await using machine = await createMachine();
  const file = ".openclaw/openclaw.json";
  machine.put(file, '{ "agents": { "defaults": { "model": "anthropic/x" } } }\n');
  machine.connect("openclaw");
  machine.put(file, machine.read(file).replace('"ocp/claude-sonnet-4-6"', '"ocp/claude-sonnet-4-6", "google/y"'));
  machine.disconnect();
  expect(machine.read(file)).not.toContain("ocp");
  expect(json5.read(machine.read(file))).toMatchObject({
    agents: { defaults: { model: { primary: "anthropic/x", fallbacks: ["google/y"] } } },
  });
});

test("a second connection that ends before the record knows of its copy loses nothing", async () => {
  await using machine = await createMachine();
  const file = ".config/opencode/opencode.json";
  machine.put(file, '{ "model": "theirs/x" }\n');
  machine.connect("opencode", { setDefault: true });
  machine.put(file, machine.read(file).replace('"model"', '"theme": "dark",\n  "model"'));
  const before = JSON.parse(machine.read(".config/ocp/connect.json"));
  machine.connect("opencode", { url: "http://10.0.0.2:1", setDefault: true });
  // As it is when the process ends right after the record was written.
  const copy = machine.record()?.files.find(({ path }) => path === machine.path(file))?.before ?? "";
  expect(JSON.parse(readFileSync(copy, "utf8"))).toEqual({ theme: "dark", model: "theirs/x" });
  expect(before.files).toHaveLength(1);
});

test("a client of which one file cannot be written gets none", async () => {
  await using machine = await createMachine();
  machine.put(".codex/config.toml", "# mine\n");
  const before = filesOf(machine);
  // Something is in the way of the second file, which is only found when it is written.
  mkdirSync(machine.path(`.codex/ocp.config.toml.${process.pid}.new`));
  expect(() => machine.connect("codex")).toThrow(/EISDIR|directory/);
  expect(machine.read(".codex/config.toml")).toBe("# mine\n");
  machine.disconnect();
  expect(filesOf(machine)).toEqual(before);
});

test.each([
  ['+  "apiKey": "ocp_0123456789abcdef"', ["ocp_0123456789abcdef"], '+  "apiKey": "ocp_01..."'],
  ['   "token": "sk-theirs-0123456789"', [null], '   "token": "sk-the..."'],
  ["export OPENAI_API_KEY='short'", ["short"], "export OPENAI_API_KEY='...'"],
  ["api_key_name: ocp", [], "api_key_name: ocp"],
  ['  "Authorization": "Bearer sk-theirs-0123456789"', [], '  "Authorization": "Bearer..."'],
  ["export GITHUB_PAT=ghp_0123456789abcdef", [], "export GITHUB_PAT=ghp_01..."],
  ['  password: "correct horse battery"', [], '  password: "correc..."'],
  ['experimental_bearer_token = "abcdefghijklmnop"', [], 'experimental_bearer_token = "abcdef..."'],
] as Array<[string, (string | null)[], string]>)("of %j no key is shown", (line, secrets, expected) => {
  expect(masked(line, secrets)).toBe(expected);
});

describe("the desktop", () => {
  test("of a Mac is told by launchctl, which forgets, and says so", async () => {
    await using machine = await createMachine({ SHELL: "/bin/zsh" }, "darwin");
    const plan = machine.plan("shell");
    if (plan.kind !== "write") throw new Error("It is not written.");
    expect(plan.plan.commands?.map(({ run, undo }) => [run.slice(0, 3), undo])).toEqual(
      ["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY", "OCP_API_KEY"].map((name) => [
        ["launchctl", "setenv", name],
        ["launchctl", "unsetenv", name],
      ]),
    );
    expect(plan.notes.join(" ")).toContain("until the next restart of this Mac, which forgets it");
    expect(plan.changes.map(({ planned: { path } }) => path)).toEqual([
      machine.path(".config/ocp/env.sh"),
      machine.path(".zshrc"),
    ]);
  });

  test("of Linux is told by environment.d, unless a key has what that would read as something else", async () => {
    await using machine = await createMachine({ SHELL: "/bin/bash" });
    mkdirSync(machine.path(".config/environment.d"), { recursive: true });
    const file = ".config/environment.d/60-ocp.conf";
    machine.connect("shell");
    expect(machine.read(file)).toContain("\nOPENAI_BASE_URL=http://192.168.1.20:3456/v1\n");
    machine.connect("shell", { key: "ocp_with$HOME" });
    expect(Object.keys(filesOf(machine))).not.toContain(file);
    expect(machine.read(".config/ocp/env.sh")).toContain("OPENAI_API_KEY='ocp_with$HOME'");
  });
});
