/**
 * A `claude` process that is driven by raw frames, and session files for it: for the contract tests of what a
 * conversation is rebuilt with. Unlike `cli.ts` it answers hooks, serves two MCP servers, and keeps calls parked.
 */

import { mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Identity, recipe } from "../../src/claude/recipe.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type AnyCliVersion, claudeBinary } from "../harness/claude.ts";
import { createTemp, type Temp } from "../harness/temp.ts";

export type Frame = any;

export interface ToolOffer {
  name: string;
  description?: string;
}

export interface Place extends AsyncDisposable {
  readonly version: AnyCliVersion;
  readonly model: string;
  readonly scratch: string;
}

/** The directory and model that a conversation stays in; its processes follow one another there. */
export async function createPlace(version: AnyCliVersion, model: string): Promise<Place> {
  const temp: Temp = await createTemp();
  const scratch = join(temp.home, "scratch");
  mkdirSync(scratch);
  return { version, model, scratch, [Symbol.asyncDispose]: () => temp.remove() };
}

export interface RawCliOptions {
  args?: string[];
  /** The CLI then writes its own session file. */
  persistent?: boolean;
  /** What server `c` offers; `d` offers what `offer` says. */
  tools?: ToolOffer[];
  /** Answers `hook_callback`; registers the two hooks. */
  hook?: (event: string) => string | null;
  env?: Record<string, string>;
}

export interface RawCli extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly frames: readonly Frame[];
  /** Ids of the calls that the CLI has made, in order. */
  readonly calls: readonly string[];
  bodies(): Frame[];
  request(request: Frame): Promise<Frame>;
  write(frame: Frame): void;
  say(content: string | Frame[], more?: Frame): void;
  past(message: Frame): void;
  result(): Promise<Frame>;
  /** Resolves once so many calls were made. */
  called(count: number): Promise<void>;
  answer(id: string, content: Frame[], isError?: boolean): void;
  offer(server: string, tools: ToolOffer[]): void;
  /** Resolves once the CLI has asked this server for its tools and has taken the answer. */
  listed(server: string): Promise<void>;
}

const events = ["UserPromptSubmit", "PostToolBatch"];

export async function startRawCli(place: Place, options: RawCliOptions = {}): Promise<RawCli> {
  const { version, model, scratch } = place;
  const simulator = startSimulator();
  const identity: Identity = { kind: "isolated", home: scratch, token: "sk-ant-oat01-contract" };
  const plan = recipe({
    bin: claudeBinary(version),
    model,
    identity,
    scratch,
    hostTools: null,
    temporary: join(scratch, "tmp"),
    upstreamUrl: simulator.url,
    environment: { PATH: process.env.PATH },
  });
  const argv = [...plan.argv, ...(options.args ?? [])];
  const child = Bun.spawn(options.persistent ? argv.filter((arg) => arg !== "--no-session-persistence") : argv, {
    cwd: plan.cwd,
    env: { ...plan.env, ...options.env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    detached: true,
  });

  const frames: Frame[] = [];
  const calls: string[] = [];
  const results: Frame[] = [];
  const waiting: Array<(frame: Frame) => void> = [];
  const counting: Array<{ count: number; resolve: () => void }> = [];
  const pending = new Map<string, (response: Frame) => void>();
  const parked = new Map<string, (result: Frame) => void>();
  const listings = new Map<string, PromiseWithResolvers<void>>();
  const listing = (server: string) => {
    const known = listings.get(server) ?? Promise.withResolvers<void>();
    listings.set(server, known);
    return known;
  };
  const offers = new Map<string, ToolOffer[]>([["c", options.tools ?? []]]);
  let requests = 0;

  const write = (frame: Frame) => {
    child.stdin.write(`${JSON.stringify(frame)}\n`);
    child.stdin.flush();
  };
  const request = (what: Frame) =>
    new Promise<Frame>((resolve) => {
      const id = String(++requests);
      pending.set(id, resolve);
      write({ type: "control_request", request_id: id, request: what });
    });

  const mcp = async (server: string, { method, params }: Frame): Promise<Frame> => {
    if (method === "initialize") {
      const { protocolVersion } = params;
      return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "ocp", version: "1" } };
    }
    if (method === "tools/list") {
      const tools = (offers.get(server) ?? []).map(({ name, description = "A tool." }) => ({
        name,
        description,
        inputSchema: { type: "object", properties: {} },
        annotations: { readOnlyHint: true },
      }));
      return { tools };
    }
    if (method !== "tools/call") return {};
    const id: string = params._meta["claudecode/toolUseId"];
    const result = new Promise<Frame>((resolve) => parked.set(id, resolve));
    calls.push(id);
    for (const { count, resolve } of counting) if (calls.length >= count) resolve();
    return result;
  };

  const serve = async ({ request_id, request: asked }: Frame) => {
    let response: Frame = {};
    if (asked.subtype === "mcp_message") {
      const { message } = asked;
      const result = await mcp(asked.server_name, message);
      response = { mcp_response: { jsonrpc: "2.0", id: message.id ?? 0, result } };
    } else if (asked.subtype === "hook_callback") {
      const text = options.hook?.(asked.callback_id) ?? null;
      const hookSpecificOutput = { hookEventName: asked.callback_id, additionalContext: text };
      if (text !== null) response = { hookSpecificOutput };
    }
    write({ type: "control_response", response: { subtype: "success", request_id, response } });
    if (asked.subtype === "mcp_message" && asked.message.method === "tools/list") listing(asked.server_name).resolve();
  };

  const receive = (frame: Frame) => {
    if (frame.type === "control_request") return void serve(frame);
    if (frame.type === "control_response") {
      const { request_id, response, error } = frame.response;
      return pending.get(request_id)?.(response ?? { error });
    }
    frames.push(frame);
    if (frame.type !== "result") return;
    const next = waiting.shift();
    if (next) next(frame);
    else results.push(frame);
  };
  const read = async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("{")) receive(JSON.parse(line));
    }
  };
  const output = read();

  const base = { session_id: "", parent_tool_use_id: null };
  return {
    simulator,
    frames,
    calls,
    request,
    write,
    bodies: () => simulator.requests.filter(({ path }) => path === "/v1/messages").map(({ body }) => body),
    say: (content, more = {}) => {
      const blocks = typeof content === "string" ? text(content) : content;
      write({ type: "user", ...base, client_composed: true, message: { role: "user", content: blocks }, ...more });
    },
    past: (message) => write({ type: "assistant", ...base, uuid: crypto.randomUUID(), message }),
    result: () => {
      const known = results.shift();
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.push(resolve));
    },
    called: (count) =>
      calls.length >= count ? Promise.resolve() : new Promise((resolve) => counting.push({ count, resolve })),
    answer: (id, content, isError = false) => parked.get(id)?.({ content, isError }),
    offer: (server, tools) => void offers.set(server, tools),
    listed: async (server) => {
      await listing(server).promise;
      await request({ subtype: "mcp_status" });
    },
    async [Symbol.asyncDispose]() {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
      await output;
      await simulator.stop();
    },
  };
}

/** Sends `initialize` as the product does, with what `options` ask for. */
export function initialize(cli: RawCli, options: { tools?: boolean; hooks?: boolean } = {}): Promise<Frame> {
  const hooks = Object.fromEntries(events.map((event) => [event, [{ hookCallbackIds: [event] }]]));
  return cli.request({
    subtype: "initialize",
    systemPrompt: ["You are terse."],
    sdkMcpServers: options.tools ? ["c"] : [],
    ...(options.hooks ? { hooks } : {}),
  });
}

export const text = (words: string): Frame[] => [{ type: "text", text: words }];

// The lines of a session file, without what chains them.

export const user = (content: Frame[]): Frame => ({ type: "user", message: { role: "user", content } });

export const attachment = (what: Frame, more: Frame = {}): Frame => ({ type: "attachment", attachment: what, ...more });

export function assistantMessage(content: Frame[], model: string): Frame {
  return {
    id: `msg_${crypto.randomUUID()}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: content.some(({ type }) => type === "tool_use") ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}

export const assistant = (content: Frame[], model: string, more: Frame = {}): Frame => ({
  type: "assistant",
  message: assistantMessage(content, model),
  ...more,
});

/** Is shown to a person, and not sent: it keeps the CLI from answering an open end by itself. */
export const unseen = (model: string): Frame => assistant(text("(to be answered)"), model, { isVirtual: true });

const versions = { newest: "2.1.332", exact: "2.1.330", oldest: "2.1.197" };

/** Writes the lines as a session file and starts a process with it; the file is gone once `initialize` is answered. */
export async function resume(
  place: Place,
  lines: readonly Frame[],
  options: RawCliOptions & { hooks?: boolean } = {},
): Promise<RawCli> {
  const sessionId = crypto.randomUUID();
  const file = join(place.scratch, `${sessionId}.jsonl`);
  let parentUuid: string | null = null;
  let content = "";
  for (const [at, line] of lines.entries()) {
    const uuid = crypto.randomUUID();
    const common = { isSidechain: false, userType: "external", entrypoint: "sdk-cli", cwd: place.scratch };
    const timestamp = new Date(Date.now() - (lines.length - at) * 1_000).toISOString();
    const chained = { parentUuid, ...common, sessionId, version: versions[place.version], ...line, uuid, timestamp };
    content += `${JSON.stringify(chained)}\n`;
    parentUuid = uuid;
  }
  writeFileSync(file, content, { mode: 0o600 });
  const cli = await startRawCli(place, { ...options, args: ["--resume", file] });
  await initialize(cli, { tools: options.tools !== undefined, hooks: options.hooks ?? false });
  unlinkSync(file);
  return cli;
}

/** An address at which nobody listens. */
const nowhere = "https://127.0.0.1:0";

/** With them every request fails at once. */
export const unreachable = { ANTHROPIC_BASE_URL: nowhere, CLAUDE_CODE_MAX_RETRIES: "0" };

/**
 * The lines with the CLI's own reminders, as it writes them by itself: out of the session file of a process that can
 * reach no API. Without what they are rendered as, since the CLI renders them again.
 */
export async function reminders(place: Place): Promise<Frame[]> {
  if (place.version === "oldest") return [];
  await using cli = await startRawCli(place, { persistent: true, env: unreachable });
  await initialize(cli);
  cli.say("hi");
  await cli.result();
  expectNothing(cli);
  const root = join(place.scratch, ".claude", "projects");
  const file = readdirSync(root, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(".jsonl"));
  const path = join(root, file ?? "");
  const lines: Frame[] = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  unlinkSync(path);
  return lines
    .filter(
      ({ type, attachment: what }) => type === "attachment" && ["environment", "model", "date"].includes(what.type),
    )
    .map(({ attachment: what }) => attachment(what));
}

function expectNothing(cli: RawCli): void {
  if (cli.bodies().length > 0) throw new Error("a process without an API asked one");
}

/** A body as it is sent, without the ids of process and account. */
export function raw({ metadata: _, ...body }: Frame): string {
  return JSON.stringify(body);
}
