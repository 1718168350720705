/** One `claude` process in a group of its own: NDJSON in and out, control requests with answers, the group's end. */

import { splitLines } from "./lines.ts";
import type { CliFrame, HostFrame, HostRequest } from "./protocol.ts";
import type { Recipe } from "./recipe.ts";
import { type MaybePromise, picked, type StartValues, startValuesOf } from "./start-environment.ts";

/** A line longer than this is skipped: the largest honest ones repeat one content block, bounded by the API's 32 MB. */
const maxLineLength = 64 * 1024 * 1024;
const stderrKept = 4_000;
/** No two processes have the same: each gets a directory of its own (scratch.ts). */
const markName = "CLAUDE_CODE_TMPDIR";
/** Where the CLI finds its `.claude.json`, whose `env` wins over the environment (2.1.197, 2.1.330). */
const homeNames = ["HOME", "CLAUDE_CONFIG_DIR"] as const;

export interface Exit {
  code: number | null;
  signal: string | null;
  /**
   * The last of what the process said on stderr: for the log, never for a client. Empty once it has answered anything,
   * since it may then repeat what it was asked.
   */
  stderr: string;
}

/** The process is gone, or the CLI refused a control request. */
export class ProcessError extends Error {
  override readonly name = "ProcessError";
  readonly exit: Exit | null;

  constructor(message: string, exit: Exit | null) {
    super(message);
    this.exit = exit;
  }
}

export interface ClaudeProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Frames go to one listener at a time; those that come while there is none are dropped. */
  listen(listener: FrameListener | null): void;
  /** Sees every frame before its listener, also while there is none. */
  observe(observer: (frame: CliFrame) => void): void;
  /** Who answers the MCP messages that the CLI sends to the server that we host; without one they are refused. */
  host(server: McpHost): void;
  send(frame: HostFrame): void;
  /**
   * Sends a control request; resolves to its answer. Throws ProcessError when it is refused or the process ends.
   * `onAnswer` gets the answer before any frame that came behind it, also when they came together.
   */
  request(request: HostRequest, onAnswer?: (response: unknown) => void): Promise<unknown>;
  /**
   * Returns the values of these variables that it was started with, where the CLI says that `pid` is its own;
   * null: not to be known, or not to be relied on, since it runs in another home or with other options than it was given.
   */
  startedWith<Name extends string>(pid: unknown, names: readonly Name[]): MaybePromise<StartValues<Name> | null>;
  /** Lets the process finish what it does and go: closes its stdin. */
  end(): void;
  /** Ends the process and all that it started, at once, and with them the upstream request. */
  kill(): void;
}

/** Answers JSON-RPC messages; a promise may take as long as it likes, and the CLI waits. */
export interface McpHost {
  /** Returns the JSON-RPC response, also to notifications, since the CLI wants every control request answered. */
  handle(message: McpMessage): Promise<object> | object;
}

export interface McpMessage {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
}

export interface FrameListener {
  frame(frame: CliFrame): void;
  exit(exit: Exit): void;
}

/** Throws what Bun.spawn throws when the binary cannot be run. */
export function spawnClaude(recipe: Recipe): ClaudeProcess {
  const child = Bun.spawn(recipe.argv, {
    cwd: recipe.cwd,
    env: recipe.env,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });

  let listener: FrameListener | null = null;
  let observer: ((frame: CliFrame) => void) | null = null;
  let host: McpHost | null = null;
  let exit: Exit | null = null;
  let stderr = "";
  let answered = false;
  let requests = 0;
  const pending = new Map<string, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();

  const write = (frame: HostFrame) => {
    if (exit) return;
    // A write to a process that just died is no error of ours: its exit is reported by itself.
    try {
      Promise.resolve(child.stdin.write(`${JSON.stringify(frame)}\n`)).catch(() => {});
      Promise.resolve(child.stdin.flush()).catch(() => {});
    } catch {}
  };

  const kill = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      child.kill("SIGKILL");
    }
  };
  /** What cannot be understood cannot be answered: the process goes, and its exit says why. */
  let unreadable: unknown = null;
  const unreadableBecause = (error: unknown) => {
    unreadable = error;
    kill();
  };

  const serve = ({ request_id, request }: Extract<CliFrame, { type: "control_request" }>) => {
    if (request.subtype === "mcp_message" && host) {
      Promise.resolve(host.handle(request.message as McpMessage)).then((mcp_response) => {
        write({ type: "control_response", response: { subtype: "success", request_id, response: { mcp_response } } });
      }, unreadableBecause);
    } else {
      const error = `${request.subtype} is not offered`;
      write({ type: "control_response", response: { subtype: "error", request_id, error } });
    }
  };

  const receive = (frame: CliFrame) => {
    answered = true;
    if (frame.type === "control_response") {
      const { response } = frame;
      const waiting = pending.get(response.request_id);
      if (!waiting) return;
      pending.delete(response.request_id);
      if (response.subtype === "success") waiting.resolve(response.response);
      else waiting.reject(new ProcessError(response.error, null));
    } else if (frame.type === "control_request") {
      serve(frame);
    } else {
      observer?.(frame);
      listener?.frame(frame);
    }
  };

  const lines = splitLines(
    (line) => {
      let frame: unknown;
      try {
        frame = JSON.parse(line);
      } catch {
        return;
      }
      if (typeof frame === "object" && frame !== null) receive(frame as CliFrame);
    },
    () => {},
    maxLineLength,
  );

  const readAll = async () => {
    for await (const chunk of child.stdout) lines.push(chunk);
  };
  const readErrors = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      stderr = (stderr + decoder.decode(chunk, { stream: true })).slice(-stderrKept);
    }
  };

  const output = readAll().catch(unreadableBecause);
  readErrors().catch(() => {});

  const exited = child.exited.then(async (code) => {
    // What it wrote before it went is still to be read; a grandchild that holds the pipe must not hold us.
    await Promise.race([output, Bun.sleep(200)]);
    const ended: Exit = {
      code: child.signalCode ? null : code,
      signal: child.signalCode === null ? null : String(child.signalCode),
      stderr: unreadable === null ? (answered ? "" : stderr.trim()) : "what it wrote could not be understood",
    };
    exit = ended;
    for (const { reject } of pending.values()) reject(new ProcessError("the claude process ended", ended));
    pending.clear();
    listener?.exit(ended);
    return ended;
  });

  return {
    pid: child.pid,
    exited,
    host(server) {
      host = server;
    },
    observe(next) {
      observer = next;
    },
    listen(next) {
      listener = next;
      if (exit) next?.exit(exit);
    },
    send: write,
    request(request, onAnswer = () => {}) {
      if (exit) return Promise.reject(new ProcessError("the claude process ended", exit));
      const id = String(++requests);
      return new Promise((resolve, reject) => {
        const answered = (response: unknown) => {
          onAnswer(response);
          resolve(response);
        };
        pending.set(id, { resolve: answered, reject });
        write({ type: "control_request", request_id: id, request });
      });
    },
    startedWith(pid, names) {
      const mark = `${markName}=${recipe.env[markName]}`;
      const all = startValuesOf({ pid, names: [...homeNames, ...names], mark, args: recipe.argv.slice(1) });
      const checked = (values: StartValues<(typeof homeNames)[number] | (typeof names)[number]> | null) =>
        values === null || homeNames.some((name) => values[name] !== recipe.env[name]) ? null : picked(values, names);
      return all instanceof Promise ? all.then(checked) : checked(all);
    },
    end() {
      try {
        Promise.resolve(child.stdin.end()).catch(() => {});
      } catch {}
    },
    kill,
  };
}
