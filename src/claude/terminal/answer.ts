/**
 * Reads one turn of an interactive session as one answer. What the CLI displays goes out as it comes, line by line;
 * what it writes down in its transcript is the answer. Where the two differ the turn fails: nothing is taken back.
 *
 * Without tools of this host an answer is the first message of the turn. The CLI may by itself ask for more after
 * `max_tokens`, a refusal or a cut, which then ends with the session, some 100 ms after the message did.
 */

import type { Sampling } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { noUsage, type ProcessPath, type StopReason, type TurnEvent, type Usage } from "../../core/turn.ts";
import { unusable } from "../answer.ts";
import type { Output } from "../output.ts";
import { cut, failed, more, type Verdict } from "../reading.ts";
import { matchStops } from "../stops.ts";
import { addUsage, mergeUsage } from "../usage.ts";
import { failureIn } from "./failure.ts";
import { unprefixed } from "./names.ts";
import type { HookEvent } from "./station.ts";
import type { TranscriptLine } from "./transcript-file.ts";

export interface TerminalAnswerOptions {
  model: string;
  /** Parameters that were left out because the model's API refuses them. */
  ignored: Array<keyof Sampling>;
  path: ProcessPath;
  stop: readonly string[];
  /** The client's name of a tool as its server knows it; null: it was not offered. */
  nameOf: (called: string) => string | null;
  /** Whether an answer without a call is of no use. */
  mustCall: boolean;
  /** Null: the answer is text. */
  output: Output | null;
  /** Whether the CLI runs tools of this host: the answer then spans messages. */
  spans: boolean;
  emit: (event: TurnEvent) => void;
  /** Whether the transcript has the user's message already; the record of a turn's end before it is of an earlier one. */
  entered: boolean;
  /** Epoch ms. */
  now: () => number;
}

export interface TerminalAnswer {
  /** Whether anything went out. */
  readonly begun: boolean;
  /** What the stream did, for the figures. */
  readonly streamed: { deltas: number; toppedUp: boolean; diverged: boolean };
  /** The CLI displays a piece of text. */
  display(event: HookEvent): Verdict;
  /** Lines of the turn that were written together. */
  read(lines: readonly TranscriptLine[]): Verdict;
  /** The calls that the answer waits for before it can end with them, by their ids; empty: none. */
  readonly calls: readonly string[];
  /** All of these calls have been made: the answer ends. */
  endWithCalls(): Verdict;
}

interface Said {
  /** When it was written, ISO. */
  at: string;
  text: string;
  usage: Usage;
  stop: string | null;
  stopSequence: string | null;
}

interface Call {
  id: string;
  name: string;
  input: Record<string, unknown>;
}

const unusableAnswer = (message: string) => new OcpError("upstream_failed", message, { reason: unusable });

const stopReasons = new Set<string>([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "refusal",
  "model_context_window_exceeded",
] satisfies StopReason[]);

export function createTerminalAnswer(options: TerminalAnswerOptions): TerminalAnswer {
  const { model, ignored, path, nameOf, mustCall, output, spans, emit, now } = options;
  const stops = matchStops(output ? [] : options.stop);
  const streamed = { deltas: 0, toppedUp: false, diverged: false };
  const messages = new Map<string, Said>();
  const calls: Call[] = [];
  /** Whether there was a call that nobody will answer. */
  let strayCall = false;
  /** The answer in JSON, which is a call too; the session waits for its result for ever. */
  let json: Record<string, unknown> | null = null;
  let { entered } = options;
  let begun = false;
  let open = false;
  let answering = model;
  /** What was displayed so far, and of which message. */
  let shown = "";
  let showing: string | null | undefined;

  const begin = () => {
    if (begun) return;
    begun = true;
    emit({ type: "start", model: answering, usage: noUsage, path, ignored });
  };
  const say = (text: string) => {
    if (text === "") return;
    begin();
    if (!open) emit({ type: "block_start", index: 0, block: { type: "text" } });
    open = true;
    emit({ type: "delta", index: 0, delta: { type: "text", text } });
  };
  /** Whether a stop text was met, which ends the answer right there. */
  const tell = (text: string): Verdict => {
    const { emit: piece, matched } = stops.push(text);
    say(piece);
    if (matched === null) return more;
    end("stop_sequence", matched);
    return { kind: "ended", left: "astray" };
  };

  const total = () => [...messages.values()].reduce((sum, { usage }) => addUsage(sum, usage), noUsage);
  const end = (stop: StopReason, stopSequence: string | null) => {
    begin();
    if (open) emit({ type: "block_stop", index: 0 });
    let index = open ? 1 : 0;
    if (stop === "tool_use") {
      for (const { id, name, input } of calls) {
        emit({ type: "block_start", index, block: { type: "tool_use", id, name } });
        emit({ type: "delta", index, delta: { type: "input_json", json: JSON.stringify(input) } });
        emit({ type: "block_stop", index: index++ });
      }
    }
    emit({ type: "end", stop, stopSequence, usage: total() });
  };

  /** The text of the answer so far, as it was written down. */
  const written = () => {
    let all = "";
    for (const { text } of [...messages.values()].sort((a, b) => (a.at < b.at ? -1 : 1))) {
      if (text === "") continue;
      all += all === "" || all.endsWith("\n") ? text : `\n\n${text}`;
    }
    return all;
  };

  /** Lets out what of the written text was not displayed. */
  const topUp = (): Verdict => {
    const all = written();
    if (!all.startsWith(shown)) {
      streamed.diverged = true;
      return failed(new OcpError("upstream_failed", "The answer was begun anew after a part of it had gone out."));
    }
    const rest = all.slice(shown.length);
    shown = all;
    if (rest !== "") {
      streamed.toppedUp = begun;
      const verdict = tell(rest);
      if (verdict !== more) return verdict;
    }
    say(stops.flush());
    return more;
  };

  const finish = (last: Said): Verdict => {
    const reason = last.stop as StopReason;
    if (!stopReasons.has(reason))
      return failed(unusableAnswer("The answer ended for a reason that is not known here."));
    if (output && calls.length === 0) return finishOutput(output, reason);
    if (strayCall && calls.length === 0 && written() === "") {
      return failed(unusableAnswer("The model called a tool that it was not offered."));
    }
    if (mustCall && calls.length === 0 && reason === "end_turn") {
      return failed(unusableAnswer("The model made no call, though the request demands one."));
    }
    const verdict = topUp();
    if (verdict !== more) return verdict;
    const stop = reason === "tool_use" && calls.length === 0 ? "end_turn" : reason;
    end(stop, last.stopSequence);
    const clean = stop === "end_turn" || stop === "stop_sequence" || stop === "tool_use";
    return {
      kind: "ended",
      left: clean && !strayCall && json === null && (open || calls.length > 0) ? "clean" : "astray",
    };
  };

  const finishOutput = (wanted: Output, reason: StopReason): Verdict => {
    if (reason === "end_turn" || reason === "tool_use") {
      const value = wanted.accept(json === null ? written() : JSON.stringify(json));
      if (value === null) return failed(unusableAnswer("The model did not answer in the format that was asked for."));
      say(value);
      end("end_turn", null);
    } else {
      end(reason, null);
    }
    return { kind: "ended", left: "astray" };
  };

  const noteBlock = (said: Said, block: Record<string, unknown>) => {
    if (block.type === "text" && typeof block.text === "string") said.text += block.text;
    if (block.type !== "tool_use" || spans) return;
    const called = unprefixed(String(block.name));
    const input = (block.input ?? {}) as Record<string, unknown>;
    if (output && called === output.tool.name) {
      json ??= input;
      return;
    }
    const name = nameOf(called);
    if (name === null) strayCall = true;
    else if (!calls.some(({ id }) => id === block.id)) calls.push({ id: String(block.id), name, input });
  };

  /** The message that ends the answer, other than with calls. */
  const lastOne = () => [...messages.values()].find(({ stop }) => stop !== null && stop !== "tool_use");

  const note = (line: TranscriptLine): void => {
    const { message } = line;
    if (line.type !== "assistant" || line.isSidechain || typeof message?.id !== "string") return;
    if (message.model === "<synthetic>") return;
    const known = messages.get(message.id);
    // The CLI went on by itself: that is none of the answer.
    if (!known && messages.size > 0 && !spans) return;
    const said = known ?? { at: line.timestamp ?? "", text: "", usage: noUsage, stop: null, stopSequence: null };
    messages.set(message.id, said);
    if (!begun && typeof message.model === "string") answering = message.model;
    said.usage = mergeUsage(said.usage, message.usage);
    said.stop = message.stop_reason ?? said.stop;
    said.stopSequence = message.stop_sequence ?? said.stopSequence;
    for (const block of Array.isArray(message.content) ? message.content : []) {
      if (typeof block === "object" && block !== null) noteBlock(said, block);
    }
  };

  return {
    get begun() {
      return begun;
    },
    streamed,
    display({ message_id: id, delta }) {
      if (typeof delta !== "string" || delta === "" || output) return more;
      if (showing === undefined) showing = id;
      const isNext = showing !== id;
      if (isNext && !spans) return more;
      showing = id;
      const piece = isNext && shown !== "" && !shown.endsWith("\n") ? `\n\n${delta}` : delta;
      shown += piece;
      streamed.deltas++;
      return tell(piece);
    },
    read(lines) {
      let ended = false;
      for (const line of lines) {
        if (line.type === "user" && !line.isMeta) entered = true;
        if (line.isApiErrorMessage) {
          // After a message that has ended by itself, the CLI tells a person what it makes of that end.
          if (lastOne()) continue;
          return failed(failureIn(line, now()));
        }
        note(line);
        ended ||= entered && line.type === "system" && line.subtype === "turn_duration";
      }
      // Lines need not come in the order of what they tell (2.1.197).
      const last = lastOne();
      if (last && (ended || written().startsWith(shown))) return finish(last);
      if (last) return more;
      const [only] = messages.values();
      if (only?.stop === "tool_use" && !spans && (strayCall || calls.length === 0)) return finish(only);
      if (!ended) return more;
      if (messages.size > 0) return cut();
      end("end_turn", null);
      return { kind: "ended", left: "astray" };
    },
    get calls() {
      const [last] = [...messages.values()].slice(-1);
      return last?.stop === "tool_use" && !strayCall && !spans ? calls.map(({ id }) => id) : [];
    },
    endWithCalls() {
      return finish([...messages.values()].at(-1) as Said);
    },
  };
}
