/** One interactive session of the CLI: its terminal, its files, what it says. It belongs to one principal for its life. */

import { writeFileSync } from "node:fs";
import type { ToolResultBlock } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { type Bridge, createBridge } from "../bridge.ts";
import type { Holder } from "../conversations.ts";
import { descendantsOf } from "../descendants.ts";
import type { Tally } from "../tally.ts";
import { createToolSet } from "../tool-set.ts";
import { type Binding, keyOf } from "./binding.ts";
import { compose } from "./composer.ts";
import { createFiles, type SessionFiles } from "./files.ts";
import type { Home } from "./home.ts";
import { type Prompt, visible } from "./prompt.ts";
import { type Pty, spawnInPty } from "./pty.ts";
import { type TerminalRecipeOptions, terminalRecipe } from "./recipe.ts";
import type { HookEvent, Station } from "./station.ts";
import { followTranscript, type TranscriptFile, type TranscriptLine } from "./transcript-file.ts";

/** What one turn hears of its session. */
export interface TurnListener {
  display(event: HookEvent): void;
  lines(lines: readonly TranscriptLine[]): void;
  /** The CLI has ended the turn by itself; its last piece of text. */
  stopped(last: string | null): void;
  /** The CLI calls a tool. */
  called(): void;
  failed(error: OcpError): void;
}

export interface TerminalSession {
  readonly id: string;
  readonly pty: Pty;
  readonly binding: Binding;
  /** `keyOf` its binding. */
  readonly key: string;
  readonly bridge: Bridge;
  /** The token that it was started with; null: it uses the login of its home. */
  readonly token: string | null;
  /** The calls that the CLI has made and that wait, by their ids as they are compared. */
  readonly called: ReadonlySet<string>;
  /** Of what messages its answers were made, by their ids. */
  readonly past: Set<string>;
  readonly process: { kill(): void };
  /** It was told to go: its memory is as good as free. */
  readonly leaving: boolean;
  /** Resolves when it is gone, and all that it left too. */
  readonly exited: Promise<void>;
  listen(listener: TurnListener | null): void;
  /** Puts a message in and sends it. Throws OcpError, and the signal's reason when it aborts. */
  ask(prompt: Prompt, signal: AbortSignal): Promise<void>;
  /** Answers the calls that wait. */
  resolve(results: readonly ToolResultBlock[]): void;
  /** Resolves when the CLI has ended its last turn and takes the next. */
  rested(signal: AbortSignal): Promise<void>;
  /** Gives it the time to store a login that it may be refreshing. Resolves when it is gone. */
  retire(): Promise<void>;
}

/** One that is bound to a conversation. */
export interface HeldTerminal extends Holder {
  readonly terminal: TerminalSession;
  readonly id: string;
  readonly model: string;
  readonly since: number;
  messages: number;
  turns: number;
  /** What its turns have cost. */
  readonly tally: Tally;
}

export interface OpenOptions
  extends Pick<
    TerminalRecipeOptions,
    "bin" | "binding" | "identity" | "settings" | "upstreamUrl" | "environment" | "owner"
  > {
  home: Home;
  station: Station;
  /** Writes the past conversation for a session of this id; null: there is none. */
  history: ((sessionId: string) => string) | null;
}

/** How long, in ms, the CLI may take to store a login, to put its files away, and to end a turn that it has answered. */
const refreshTime = 15_000;
const leavingTime = 2_000;
const restTime = 30_000;

/** How often, in ms, the CLI hears of its calls' progress while their turn waits for the message to be written. */
const nudgeEvery = 150;

/** Throws what Bun.spawn, or the disk, throws. */
export function openTerminal(options: OpenOptions): TerminalSession {
  const { binding, identity, settings, home, station, history } = options;
  const id = crypto.randomUUID();
  const bridge = createBridge();
  bridge.offer(createToolSet(binding.tools));
  const called = new Set<string>();
  const said = new Set<string>();
  /** The prompt that is being answered, as the CLI names it. */
  let asking: string | undefined;
  let listener: TurnListener | null = null;
  let gone = false;
  /** The text that the CLI is to report as submitted; null: none is on its way. */
  let expected: string | null = null;
  let wrong = false;
  let asked = 0;
  let listed = binding.tools.length === 0;
  let resting = true;
  let stirring: Array<() => void> = [];
  const stir = () => {
    const waiting = stirring;
    stirring = [];
    for (const resolve of waiting) resolve();
  };
  const stirred = () => new Promise<void>((resolve) => stirring.push(resolve));
  const leaving = new AbortController();
  let nudging: Timer | undefined;
  const stopNudging = () => {
    clearInterval(nudging);
    nudging = undefined;
  };

  const submit = (prompt: string): object => {
    if (expected === null || visible(prompt) !== visible(expected)) {
      wrong = true;
      return { decision: "block", reason: "This is not what was to be sent." };
    }
    expected = null;
    return {};
  };
  const address = station.open({
    bridge,
    hook(event) {
      let answer = {};
      const { hook_event_name: name, prompt_id: asks } = event;
      if (name === "UserPromptSubmit") {
        asking = asks;
        answer = submit(event.prompt ?? "");
      } else if (asks === asking) {
        if (listener) file.hurry(true);
        if (name === "MessageDisplay") listener?.display(event);
        else {
          resting = true;
          if (name === "Stop") listener?.stopped(event.last_assistant_message ?? null);
        }
      }
      stir();
      return answer;
    },
    listed() {
      listed = true;
      stir();
    },
    called(call) {
      called.add(call);
      if (listener) {
        file.hurry(true);
        nudging ??= setInterval(address.nudge, nudgeEvery);
      }
      listener?.called();
      stir();
    },
  });
  const onLines = (lines: TranscriptLine[]) => {
    // Without hooks the transcript alone says so.
    const heard = (content: unknown) =>
      typeof content === "string" && expected !== null && visible(content) === visible(expected);
    if (lines.some(({ type, message, isMeta }) => type === "user" && !isMeta && heard(message?.content))) {
      expected = null;
    }
    if (lines.some(({ type, subtype }) => type === "system" && subtype === "turn_duration")) resting = true;
    listener?.lines(lines);
    stir();
  };

  let files: SessionFiles;
  let file: TranscriptFile;
  let pty: Pty;
  let past = "";
  const undo: Array<() => unknown> = [address.close];
  try {
    files = createFiles({ sessions: settings.sessions, id, system: binding.system, ...address });
    const transcript = home.enter(identity.home, id);
    undo.unshift(() => files.remove().then(() => home.clear(identity.home, id, null)));
    past = history?.(id) ?? "";
    if (past !== "") writeFileSync(transcript, past, { mode: 0o600 });
    file = followTranscript(transcript, Buffer.byteLength(past), onLines);
    undo.unshift(file.close);
    const resume = past === "" ? null : transcript;
    pty = spawnInPty(terminalRecipe({ ...options, files, hostTools: binding.hostTools, resume }));
  } catch (error) {
    for (const step of undo) step();
    throw error;
  }
  files.begun(pty.pid);
  let goes = false;
  let started: number[] = [];
  pty.screen.watch(stir);
  const exited = pty.exited.then(async ({ code, signal }) => {
    gone = true;
    stopNudging();
    file.read();
    file.close();
    address.close();
    const cause = new Error(`claude exited with ${code ?? signal}`);
    const error = new OcpError("upstream_failed", "The claude process ended before its answer did.", { cause });
    leaving.abort(error);
    listener?.failed(error);
    stir();
    for (const each of started) killQuietly(each);
    await files.remove();
    await home.clear(identity.home, id, pty.pid);
  });

  const until = async (test: () => boolean, signal: AbortSignal, ms: number, why: string) => {
    const deadline = performance.now() + ms;
    while (!test()) {
      signal.throwIfAborted();
      if (performance.now() > deadline) throw new OcpError("upstream_failed", why);
      await Promise.race([stirred(), Bun.sleep(200)]);
    }
  };

  const retire = async (patience: number) => {
    if (gone) return;
    // What a tool of this host has started is in a session of its own, and 2.1.197 leaves it behind.
    if (!goes && binding.hostTools) started = descendantsOf(pty.pid);
    goes = true;
    pty.terminate();
    const timer = setTimeout(pty.kill, patience);
    await exited;
    clearTimeout(timer);
  };

  return {
    id,
    pty,
    binding,
    key: keyOf(binding),
    bridge,
    token: identity.kind === "isolated" ? identity.token : null,
    called,
    // It ends what its tools started, and its locks; killed three times, it holds the terminal for a broken one (2.1.330).
    process: { kill: () => void retire(leavingTime) },
    get leaving() {
      return goes;
    },
    past: said,
    exited,
    listen(next) {
      listener = next;
      if (next) return;
      file.hurry(false);
      stopNudging();
    },
    async ask(prompt, outer) {
      const signal = AbortSignal.any([outer, leaving.signal]);
      await until(() => listed, signal, restTime, "The interactive CLI does not ask for the client's tools.");
      called.clear();
      wrong = false;
      resting = false;
      await compose({
        pty,
        files,
        prompt,
        expect(text) {
          expected = text;
        },
        submitted: () => wrong || expected === null,
        stirred,
        blank: past === "" && asked === 0,
        signal,
      });
      asked++;
      if (!wrong) return;
      throw new OcpError(
        "upstream_failed",
        "The interactive CLI took another text than the one that was written, so it was not sent.",
      );
    },
    resolve(results) {
      called.clear();
      bridge.resolve(results);
    },
    rested: (outer) =>
      until(
        () => resting,
        AbortSignal.any([outer, leaving.signal]),
        restTime,
        "The interactive CLI does not become ready.",
      ),
    retire: () => retire(refreshTime),
  };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
