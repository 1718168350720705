/** Settings are read strictly: what is not understood is named and refused, never guessed. */

import { describe, expect, test } from "bun:test";
import { parseValue } from "../../src/config/kinds.ts";
import { type Environment, loadConfig } from "../../src/config/load.ts";
import { settings } from "../../src/config/settings.ts";
import { OcpError } from "../../src/core/errors.ts";

const machine = { memory: 10_000_000_000 };
const load = (env: Environment, flags: Environment = {}) => loadConfig(env, flags, machine);

function refusal(env: Environment, flags: Environment = {}): string {
  try {
    load(env, flags);
  } catch (error) {
    expect(error).toBeInstanceOf(OcpError);
    expect((error as OcpError).code).toBe("invalid_request");
    return (error as OcpError).message;
  }
  throw new Error("was accepted");
}

describe("the table", () => {
  test("gives each setting a name, a variable and a flag of its own, and one sentence", () => {
    for (const key of ["name", "env", "flag"] as const) {
      const values = settings.map((setting) => setting[key]).filter((value) => value !== null);
      expect(new Set(values).size).toBe(values.length);
    }
    for (const { description } of settings) expect(description).toMatch(/^[A-Z].*[^.]\.$/);
  });

  test("gives no secret a flag", () => {
    expect(settings.filter(({ type, flag }) => type.kind === "secret" && flag !== null)).toEqual([]);
  });
});

test("nothing set gives the documented defaults", () => {
  expect(load({})).toEqual({
    port: 3456,
    bind: "127.0.0.1",
    claudeBin: undefined,
    authMode: "none",
    proxyApiKey: undefined,
    adminKey: undefined,
    anonymousKey: undefined,
    advertiseAnonymousKey: false,
    metricsKey: undefined,
    trustLoopback: true,
    corsOrigins: undefined,
    allowedHosts: undefined,
    oauthToken: undefined,
    systemPrompt: undefined,
    allowedTools: undefined,
    mcpConfig: undefined,
    skipPermissions: false,
    hostToolsLan: false,
    hostToolsKeys: undefined,
    timeout: 600_000,
    maxConcurrent: 8,
    maxQueue: 16,
    queueRetryAfter: 5,
    maxPromptChars: undefined,
    maxBodySize: 33_554_432,
    imageAllowUrl: false,
    maxImageBytes: 5_242_880,
    maxImages: 20,
    maxImageTotalBytes: 20_971_520,
    heartbeatInterval: 15_000,
    repeatLimit: 8,
    cacheTtl: 0,
    cacheMaxBytes: 67_108_864,
    memoryMax: 6_000_000_000,
    requestMemory: 2 ** 30,
    spares: 2,
    liveMax: 16,
    sessionTtl: 3_600_000,
    sessionMaxBytes: 67_108_864,
    sessionKeep: 0,
    usageDays: 90,
    logLevel: "info",
    logMaxBytes: 5_242_880,
    logKeep: 4,
    spawnRealHome: false,
    tuiMode: false,
    tuiWallclock: 120_000,
    tuiMaxConcurrent: 3,
    tuiPoolSize: 0,
    tuiHome: undefined,
    tuiCwd: undefined,
    tuiEntrypoint: "auto",
    tuiEffort: "low",
    tuiFullTools: false,
    tuiAllowLan: false,
    instanceName: undefined,
    upstreamUrl: undefined,
  });
});

test("a flag wins over the variable, the variable over the default", () => {
  expect(load({ CLAUDE_PROXY_PORT: "4000" }).port).toBe(4000);
  expect(load({ CLAUDE_PROXY_PORT: "4000" }, { port: "5000" }).port).toBe(5000);
});

test("an empty variable is an unset one", () => {
  expect(load({ CLAUDE_TIMEOUT: "", PROXY_API_KEY: "", CLAUDE_BIN: "" })).toEqual(load({}));
});

test("variables of other programs are left alone", () => {
  expect(load({ CLAUDE_CONFIG_DIR: "/x", OCP_SOMETHING: "?", CLAUDE_BREAKER_THRESHOLD: "abc" })).toEqual(load({}));
});

describe("booleans", () => {
  test.each(["true", "TRUE", "1", "yes", "Yes", "on"])("%s is true", (text) => {
    expect(load({ CLAUDE_IMAGE_ALLOW_URL: text }).imageAllowUrl).toBe(true);
  });
  test.each(["false", "0", "no", "OFF"])("%s is false", (text) => {
    expect(load({ OCP_SPAWN_REAL_HOME: text }).spawnRealHome).toBe(false);
  });
});

describe("a bad value is refused with its variable's name and the expected form", () => {
  test.each([
    ["CLAUDE_PROXY_PORT", "abc", "from 0 to 65535"],
    ["CLAUDE_PROXY_PORT", "65536", "from 0 to 65535"],
    ["CLAUDE_PROXY_PORT", "-1", "from 0 to 65535"],
    ["CLAUDE_PROXY_PORT", "3456.0", "whole number"],
    ["CLAUDE_PROXY_PORT", "0x10", "whole number"],
    ["CLAUDE_PROXY_PORT", " 3456", "whole number"],
    ["CLAUDE_MAX_BODY_SIZE", "5MB", "(bytes)"],
    ["CLAUDE_TIMEOUT", "1e6", "(ms)"],
    ["CLAUDE_TIMEOUT", "999", "from 1000"],
    ["CLAUDE_MAX_CONCURRENT", "0", "from 1"],
    ["CLAUDE_IMAGE_ALLOW_URL", "maybe", "true or false"],
    ["CLAUDE_IMAGE_ALLOW_URL", "constructor", "true or false"],
    ["CLAUDE_AUTH_MODE", "Shared", "none, shared"],
    ["OCP_CORS_ORIGINS", "*", "origins"],
    ["OCP_CORS_ORIGINS", "null", "origins"],
    ["OCP_CORS_ORIGINS", "chat.example.org", "origins"],
    ["OCP_CORS_ORIGINS", "https://chat.example.org/", "origins"],
    ["OCP_CORS_ORIGINS", "https://me@chat.example.org", "origins"],
    ["OCP_CORS_ORIGINS", "https://*.example.org", "origins"],
    ["OCP_ALLOWED_HOSTS", "box.example.org:3456", "without ports"],
    ["OCP_ALLOWED_HOSTS", "http://box", "host names"],
    ["OCP_ALLOWED_HOSTS", "*.example.org", "host names"],
    ["OCP_ALLOWED_HOSTS", "a..b", "host names"],
    ["OCP_ADMIN_KEY", "short", "8 or more"],
    ["CLAUDE_BIND", "http://0.0.0.0", "IP address"],
    ["OCP_UPSTREAM_URL", "localhost:80", "http or https"],
    ["OCP_UPSTREAM_URL", "file:///etc/passwd", "http or https"],
    ["OCP_UPSTREAM_URL", "http://user:word@host", "without user name"],
    ["OCP_INSTANCE_NAME", "two\nlines", "one line"],
    ["PROXY_API_KEY", "has a space in it", "without spaces"],
    ["PROXY_API_KEY", "short", "8 or more"],
    ["CLAUDE_CODE_OAUTH_TOKEN", "token-with-newline\n", "without spaces"],
  ])("%s=%j", (env, text, form) => {
    const message = refusal({ [env]: text });
    expect(message).toContain(env);
    expect(message).toContain(form);
    expect(message.split("\n")).toHaveLength(1);
  });

  test("a flag is named as a flag", () => {
    const message = refusal({ CLAUDE_PROXY_PORT: "1" }, { port: "x" });
    expect(message).toContain("--port");
    expect(message).not.toContain("CLAUDE_PROXY_PORT");
  });

  test("an empty flag is no value", () => {
    expect(refusal({}, { port: "" })).toContain("--port");
    expect(refusal({}, { "claude-bin": "" })).toContain("--claude-bin");
  });

  test("all bad values are named at once", () => {
    const message = refusal({ CLAUDE_TIMEOUT: "x", CLAUDE_MAX_QUEUE: "y" }, { port: "z" });
    expect(message.split("\n")).toHaveLength(3);
    for (const name of ["CLAUDE_TIMEOUT", "CLAUDE_MAX_QUEUE", "--port"]) expect(message).toContain(name);
  });

  test("secrets and URLs are not repeated", () => {
    const env = { PROXY_API_KEY: "my secret", OCP_UPSTREAM_URL: "http://me:hidden@host/" };
    const message = refusal(env);
    expect(message).not.toContain("my secret");
    expect(message).not.toContain("hidden");
  });
});

test("pages and names that are let in are lists", () => {
  const origins = "https://chat.example.org, http://192.168.1.5:8080,app://obsidian.md, http://[::1]:3000";
  expect(load({ OCP_CORS_ORIGINS: origins }).corsOrigins).toHaveLength(4);
  expect(load({ OCP_ALLOWED_HOSTS: "box.lan, Ocp.Example.org.,my_box" }).allowedHosts).toHaveLength(3);
});

describe("tools of this machine", () => {
  const tools = { CLAUDE_ALLOWED_TOOLS: "Read" };
  test.each([{ CLAUDE_BIND: "0.0.0.0" }, { CLAUDE_AUTH_MODE: "multi" }])("are refused with %j", (env) => {
    expect(refusal({ ...tools, ...env })).toContain("OCP_HOST_TOOLS_LAN");
    expect(load({ ...tools, ...env, OCP_HOST_TOOLS_LAN: "1" }).allowedTools).toEqual(["Read"]);
  });
  test.each([{ CLAUDE_BIND: "0.0.0.0" }, { CLAUDE_AUTH_MODE: "multi" }])(
    "are allowed with %j for keys that are named",
    (env) => {
      expect(load({ ...tools, ...env, OCP_HOST_TOOLS_KEYS: "laptop" }).hostToolsKeys).toEqual(["laptop"]);
      expect(refusal({ ...tools, ...env, OCP_HOST_TOOLS_KEYS: " , " })).toContain("OCP_HOST_TOOLS_KEYS");
    },
  );
  test.each([
    tools,
    { CLAUDE_MCP_CONFIG: "/etc/mcp.json" },
    { CLAUDE_SKIP_PERMISSIONS: "1" },
    { ...tools, OCP_HOST_TOOLS_KEYS: "laptop" },
  ])("are refused beside a key for guests: %j", (env) => {
    const guests = { PROXY_API_KEY: "the-shared-key", PROXY_ANONYMOUS_KEY: "the-key-of-guests" };
    expect(refusal({ ...env, ...guests })).toContain("PROXY_ANONYMOUS_KEY");
    expect(load({ ...env, ...guests, OCP_HOST_TOOLS_LAN: "1" }).anonymousKey).toBe("the-key-of-guests");
  });
  test("are the owner's on a server that only this machine reaches", () => {
    expect(load({ ...tools, CLAUDE_BIND: "::1" }).allowedTools).toEqual(["Read"]);
  });
});

describe("the auth mode", () => {
  const key = "0123456789";
  test("is shared when there is a key", () => {
    expect(load({ PROXY_API_KEY: key })).toMatchObject({ authMode: "shared", proxyApiKey: key });
  });
  test("is what the variable says, key or not", () => {
    expect(load({ PROXY_API_KEY: key, CLAUDE_AUTH_MODE: "none" }).authMode).toBe("none");
  });
  test("shared without a key is refused", () => {
    expect(refusal({ CLAUDE_AUTH_MODE: "shared" })).toContain("PROXY_API_KEY");
    expect(refusal({}, { "auth-mode": "shared" })).toContain("PROXY_API_KEY");
  });
});

test.each([
  ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
  ["https://Gateway.example/anthropic/", "https://gateway.example/anthropic"],
])("the upstream URL %s loses its last slash", (text, url) => {
  expect(load({ OCP_UPSTREAM_URL: text }).upstreamUrl).toBe(url);
});

test("a list is its words, without the white space around them and without empty ones", () => {
  expect(parseValue({ kind: "list" }, " a, b,,c d ", "X")).toEqual(["a", "b", "c d"]);
});

describe("the interactive mode", () => {
  const tui = { CLAUDE_TUI_MODE: "true" };
  test.each([
    [{ CLAUDE_AUTH_MODE: "multi" }, "not in the auth mode multi"],
    [{ PROXY_ANONYMOUS_KEY: "the-key-of-guests" }, "PROXY_ANONYMOUS_KEY"],
    [{ CLAUDE_BIND: "0.0.0.0" }, "OCP_TUI_ALLOW_LAN"],
    [{ CLAUDE_BIND: "192.168.1.2" }, "OCP_TUI_ALLOW_LAN"],
    [{ CLAUDE_ALLOWED_TOOLS: "Read", CLAUDE_SKIP_PERMISSIONS: "1" }, "CLAUDE_SKIP_PERMISSIONS"],
  ])("is refused with %p", (env, words) => {
    const message = refusal({ ...tui, ...env });
    expect(message).toContain("The interactive mode (CLAUDE_TUI_MODE) is for one person");
    expect(message).toContain(words);
  });
  test("takes no directories that depend on where it was started", () => {
    for (const name of ["OCP_TUI_HOME", "OCP_TUI_CWD"]) {
      expect(refusal({ ...tui, [name]: "~/there" })).toBe(`${name} is "~/there". It must be an absolute path.`);
    }
  });

  test("is for the owner's devices too where the owner says so", () => {
    expect(load({ ...tui, CLAUDE_BIND: "0.0.0.0", OCP_TUI_ALLOW_LAN: "1" }).tuiMode).toBe(true);
  });
});
