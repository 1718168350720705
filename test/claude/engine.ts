/** An engine on the real CLI and the simulated API, asked without a dialect: for what every dialect relies on. */

import { afterAll, beforeAll, beforeEach } from "bun:test";
import { join } from "node:path";
import { createEngine, type EngineOptions } from "../../src/claude/engine.ts";
import { createKeptAnswers } from "../../src/claude/kept-answers.ts";
import type {
  AssistantBlock,
  Conversation,
  Message,
  Tool,
  ToolResultBlock,
  ToolUseBlock,
  UserBlock,
} from "../../src/core/conversation.ts";
import type { Engine, SessionInfo } from "../../src/core/ports.ts";
import type { ProcessPath, StartReason, StopReason, TurnEvent, Usage } from "../../src/core/turn.ts";
import type { Script, ScriptBlock } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { createSchemaChecker } from "../../src/schema/checker.ts";
import { type CliVersion, claudeBinary } from "../harness/claude.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";

export interface Answered {
  path: ProcessPath;
  reason: StartReason | null;
  content: AssistantBlock[];
  stop: StopReason;
  usage: Usage;
  events: TurnEvent[];
}

export interface Driven extends AsyncDisposable {
  engine: Engine;
  simulator: Simulator;
  home: string;
  /** Runs one turn to its end. */
  turn(messages: Message[], change?: Partial<Conversation>, who?: string, signal?: AbortSignal): Promise<Answered>;
  /** Begins one turn, to be read event by event. */
  stream(
    messages: Message[],
    change?: Partial<Conversation>,
    who?: string,
    signal?: AbortSignal,
  ): AsyncGenerator<TurnEvent, void, void>;
  /** The conversations that have a process. */
  held(): SessionInfo[];
  /** The bodies that went up, in order. */
  upstream(): any[];
  /** Waits until so many spares are there, and returns their pids. */
  spares(count: number): Promise<number[]>;
  /** Answers the requests with these, one after the other, and the last one again and again. */
  script(...answers: Array<Script | ScriptBlock>): void;
}

type Limit = "timeout" | "memoryMax" | "spares" | "liveMax" | "sessionTtl";
/** Limits as they stay, or as they are at a moment. */
type Changes = Partial<Omit<EngineOptions, Limit> & Record<Limit, number | (() => number)>>;
const asked = (limit: number | (() => number)) => (typeof limit === "number" ? () => limit : limit);

export async function drive(cli: CliVersion = "newest", changes: Changes = {}): Promise<Driven> {
  const { timeout = 30_000, memoryMax = 8e9, spares = 0, liveMax = 16, sessionTtl = 60_000, ...change } = changes;
  const temp = await createTemp();
  const home = change.paths?.home ?? temp.home;
  const simulator = startSimulator();
  const log = { info() {}, warn() {}, error() {} };
  const schemas = createSchemaChecker({ self: ocpCommand("source"), platform: process.platform, log });
  const engine = await createEngine({
    claudeBin: claudeBinary(cli),
    oauthToken: "sk-ant-oat01-test",
    upstreamUrl: simulator.url,
    simulated: false,
    spawnRealHome: false,
    timeout: asked(timeout),
    timeoutName: "CLAUDE_TIMEOUT",
    terminal: null,
    memoryMax: asked(memoryMax),
    hostTools: null,
    spares: asked(spares),
    liveMax: asked(liveMax),
    sessionTtl: asked(sessionTtl),
    onRoom: () => {},
    paths: {
      home: temp.home,
      spawnHome: join(temp.home, ".ocp", "spawn-home"),
      claudeConfig: join(temp.home, ".claude"),
    },
    planFile: null,
    environment: { PATH: process.env.PATH },
    platform: process.platform,
    schemas,
    kept: createKeptAnswers({
      hours: () => 0,
      maxBytes: () => 8_000_000,
      disk: null,
      isGone: () => false,
      log,
      now: Date.now,
    }),
    log,
    now: Date.now,
    ...change,
  });
  const stream: Driven["stream"] = (messages, changes = {}, who = "ann", signal = new AbortController().signal) =>
    engine.run(
      { ...conversationOf(messages), ...changes },
      { principal: { id: who, name: who, role: "user", keyId: null }, signal, requestId: "req_test" },
    );
  return {
    engine,
    simulator,
    home,
    stream,
    async turn(...asked) {
      const events: TurnEvent[] = [];
      for await (const event of stream(...asked)) events.push(event);
      return answered(events);
    },
    spares: (count) =>
      waitUntil(
        `there are ${count} spares`,
        async () => {
          if ((await engine.status()).processes.spare !== count) return false;
          const taken = engine.sessions().map(({ pid }) => pid);
          const spare = processesAtHome(home)
            .filter(({ pid, command }) => command.includes("stream-json") && !taken.includes(pid))
            .map(({ pid }) => pid);
          // One that was just forked, or just killed, is not yet what the engine counts.
          return spare.length === count && spare;
        },
        20_000,
      ),
    script(...answers) {
      const first = simulator.requests.filter(isMessage).length;
      simulator.play(({ number }) => {
        const answer = answers[Math.min(number - first, answers.length) - 1]!;
        const whole = typeof answer === "object" && ("blocks" in answer || "status" in answer);
        return { paceMs: 10, ...(whole ? answer : { blocks: [answer] }) } as Script;
      });
    },
    held: () => engine.sessions().filter(({ state }) => state !== "hibernated"),
    upstream: () => simulator.requests.filter(isMessage).map(({ body }) => body),
    async [Symbol.asyncDispose]() {
      await engine.close(0);
      schemas.close();
      await simulator.stop();
      await temp.remove();
    },
  };
}

const isMessage = ({ method, path }: { method: string; path: string }) => method === "POST" && path === "/v1/messages";

/** One engine for the tests of a describe; each finds no request, no script and no waiting process. */
export function shared(cli: CliVersion = "newest", change: Changes = {}): () => Driven {
  let driven: Driven;
  beforeAll(async () => {
    driven = await drive(cli, change);
  });
  beforeEach(() => {
    driven.engine.clearSessions();
    driven.simulator.reset();
  });
  afterAll(() => driven[Symbol.asyncDispose]());
  return () => driven;
}

export function conversationOf(messages: Message[]): Conversation {
  return {
    model: "claude-sonnet-4-6",
    system: "Be brief.",
    messages,
    toolbox: null,
    output: null,
    sampling: { stop: [] },
    hints: [],
  };
}

function answered(events: TurnEvent[]): Answered {
  const content: AssistantBlock[] = [];
  let json = "";
  for (const event of events) {
    const last = content.at(-1);
    if (event.type === "block_start" && event.block.type === "text") content.push({ type: "text", text: "" });
    if (event.type === "block_start" && event.block.type === "tool_use") {
      content.push({ ...event.block, input: {} });
      json = "";
    }
    if (event.type === "delta" && event.delta.type === "text" && last?.type === "text") last.text += event.delta.text;
    if (event.type === "delta" && event.delta.type === "input_json") json += event.delta.json;
    if (event.type === "block_stop" && last?.type === "tool_use" && json !== "") last.input = JSON.parse(json);
  }
  const start = events.find((event) => event.type === "start")!;
  const end = events.at(-1)!;
  if (end.type !== "end") throw new Error("the turn has no end");
  return { path: start.path, reason: start.reason, content, stop: end.stop, usage: end.usage, events };
}

/** How a conversation without a process goes on. */
export const rebuiltBy = (cli: CliVersion): ProcessPath => (cli === "newest" ? "resumed" : "new");
export const text = (words: string) => ({ type: "text" as const, text: words });
export const user = (...content: Array<string | UserBlock>): Message => ({
  role: "user",
  content: content.map((each) => (typeof each === "string" ? text(each) : each)),
});
export const said = ({ content }: Answered): Message => ({ role: "assistant", content });
export const result = (id: string, words: string, rest: Partial<ToolResultBlock> = {}): ToolResultBlock => ({
  type: "tool_result",
  tool_use_id: id,
  content: [text(words)],
  ...rest,
});
export const tool = (name: string, description = "Does it."): Tool => ({
  name,
  description,
  inputSchema: { type: "object", properties: { path: { type: "string" } } },
});
export const calls = ({ content }: Answered) =>
  content.filter((block): block is ToolUseBlock => block.type === "tool_use");
/** A call as the simulated model makes it. */
export const called = (id: string, name = "read_file", input: Record<string, unknown> | string[] = { path: id }) => ({
  type: "tool_use" as const,
  id,
  name,
  input,
});
export const toolbox = (...tools: Tool[]) => ({ tools, choice: { type: "auto" as const }, parallel: true });

/** Messages as the API compares them for its cache: without cache marks, a string as one text block. */
export function comparable(messages: any[]): any[] {
  return messages.map(({ role, content }) => ({
    role,
    content: (typeof content === "string" ? [{ type: "text", text: content }] : content).map(
      ({ cache_control: _mark, ...block }: any) =>
        block.type === "tool_result" ? { ...block, content: comparableContent(block.content) } : block,
    ),
  }));
}

function comparableContent(content: any): any {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

/** Whether each request's messages begin with all of the one before. */
export function growsByAppending(bodies: any[]): boolean {
  return bodies.every((body, at) => {
    if (at === 0) return true;
    const before = comparable(bodies[at - 1].messages);
    return JSON.stringify(comparable(body.messages).slice(0, before.length)) === JSON.stringify(before);
  });
}

/** The CLI's session that asked: one a process. */
export const sessionOf = ({ metadata }: any): string => JSON.parse(metadata.user_id).session_id;
export const sessionsOf = (bodies: any[]): Set<string> => new Set(bodies.map(sessionOf));

/** What went up as `role: texts`, results by their text too, without what the CLI adds by itself. */
export function saidUpstream({ messages }: any): string[] {
  const words = ({ type, text, content }: any): string[] =>
    type === "text"
      ? [withoutReminders(text)]
      : type === "tool_result"
        ? comparableContent(content ?? []).flatMap(words)
        : [];
  return comparable(messages)
    .filter(({ role }) => role !== "system")
    .map(
      ({ role, content }) =>
        `${role}: ${content
          .flatMap(words)
          .filter((each: string) => each !== "")
          .join(" | ")}`,
    );
}

/** The newest CLI puts the date behind the last text that goes up, be it a result. */
export function withoutReminders(words: string): string {
  return words.replace(/\s*<system-reminder>[\s\S]*?<\/system-reminder>\s*/g, "").replace(/\n$/, "");
}

/** The blocks of tool results that went up. */
export const resultsUpstream = ({ messages }: any): any[] =>
  comparable(messages).flatMap(({ content }) => content.filter(({ type }: any) => type === "tool_result"));
