/**
 * Reads one turn of an interactive session as one answer. What the CLI displays goes out as it comes, line by line;
 * what it writes down in its transcript is the answer. Where the two differ the turn fails: nothing is taken back.
 *
 * A message is written as one line a block, all with its stop reason, and not always in one go; one that was cut off
 * is written like one that ended, and only what follows tells. So an answer ends when the CLI says that the turn has;
 * with calls, or where the CLI by itself asks for more, when nothing was written for a while.
 *
 * Without tools of this host an answer is the first message of the turn. The CLI may by itself ask for more after
 * `max_tokens`, a refusal, a cut, or a message of which nothing can be seen; that ends with the session, some 100 ms
 * after the message did. What such a message thought is then the answer.
 */

import type { Sampling } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { estimateText } from "../../core/estimate.ts";
import {
  noUsage,
  type ProcessPath,
  type StartReason,
  type StopReason,
  type TurnEvent,
  type Usage,
} from "../../core/turn.ts";
import { unusable, validating } from "../answer.ts";
import { normalisedId } from "../names.ts";
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
  reason: StartReason | null;
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
  /** The messages that the session's answers so far were made of, by both kinds of ids; this one adds its own. */
  past: Set<string>;
  /** Tokens of the request, for an answer that ends before the CLI tells them. */
  estimateInput: () => number;
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
  /** Lines of the turn that were found together. */
  read(lines: readonly TranscriptLine[]): Verdict;
  /** The CLI has ended the turn by itself; `last` is its last piece of text. */
  stopped(last: string | null): Verdict;
  /** Nothing was written for `settling` ms. `called`: the calls that the CLI has made, by their ids as they are compared. */
  settled(called: ReadonlySet<string>): Verdict;
}

/** How long, in ms, a message may be on its way to the transcript: the CLI writes every 100 ms (2.1.197, 2.1.330). */
export const settling = 150;

interface Said {
  /** When it was written, ISO. */
  at: string;
  text: string;
  thoughts: Thought[];
  usage: Usage;
  stop: string | null;
  stopSequence: string | null;
}

type Thought = { type: "thinking"; thinking: string; signature: string } | { type: "redacted_thinking"; data: string };

interface Call {
  id: string;
  name: string;
  input: Record<string, unknown>;
}

/** Of a message after which the CLI ends the turn; after others it asks for more, or comments. */
const natural = new Set<string>(["end_turn", "stop_sequence"]);

/** How the CLI begins when it asks for more by itself (2.1.197, 2.1.330), and how the message before it ended. */
const goingOn: ReadonlyArray<readonly [string, StopReason]> = [
  ["[Your previous response had no visible output.", "end_turn"],
  ["Your response above was stopped by a safety classifier", "refusal"],
  ["Output token limit hit", "max_tokens"],
];

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
  const { model, ignored, path, reason: startedFor, nameOf, mustCall, output, spans, past, emit, now } = options;
  const stops = matchStops(output ? [] : options.stop);
  const streamed = { deltas: 0, toppedUp: false, diverged: false };
  const messages = new Map<string, Said>();
  const calls: Call[] = [];
  /** Whether there was a call that nobody will answer. */
  let strayCall = false;
  /** The answer in JSON, which is a call too; the session waits for its result for ever. */
  let json: Record<string, unknown> | null = null;
  let { entered } = options;
  /** Lines of the turn before may be read late, and in any order. */
  const begunAt = new Date(now()).toISOString();
  const isOfThisTurn = ({ timestamp = begunAt }: TranscriptLine) => timestamp >= begunAt;
  /** The record of the turn's end was written; it may be read before the user's message. */
  let ended = false;
  const hasEnded = () => entered && ended;
  /** How a message ended of which nothing was written down. */
  let unwritten: StopReason | null = null;
  /** The CLI's last piece of text, once it has ended the turn by itself. */
  let lastText: string | null = null;
  /** The CLI went on with something that is none of the answer. */
  let wentOn = false;
  let begun = false;
  let open = false;
  let answering = model;
  /** What was displayed so far, and of which message. */
  let shown = "";
  let showing: string | null | undefined;
  const shownIds = new Set<string>();

  const begin = () => {
    if (begun) return;
    begun = true;
    emit({ type: "start", model: answering, usage: noUsage, path, reason: startedFor, ignored });
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
    const guess = { ...noUsage, input: options.estimateInput(), output: Math.ceil(estimateText(shown)) };
    end("stop_sequence", matched, messages.size > 0 ? total() : guess);
    return { kind: "ended", left: "astray" };
  };

  /** Lets out what was thought, where nothing else was said; returns how many blocks that were. */
  const think = (): number => {
    const thoughts = [...messages.values()].flatMap((said) => said.thoughts);
    for (const [index, thought] of thoughts.entries()) {
      if (thought.type === "redacted_thinking") {
        emit({ type: "block_start", index, block: { type: "redacted_thinking", data: thought.data } });
      } else {
        emit({ type: "block_start", index, block: { type: "thinking" } });
        emit({ type: "delta", index, delta: { type: "thinking", text: thought.thinking } });
        emit({ type: "delta", index, delta: { type: "signature", signature: thought.signature } });
      }
      emit({ type: "block_stop", index });
    }
    return thoughts.length;
  };

  const total = () => [...messages.values()].reduce((sum, { usage }) => addUsage(sum, usage), noUsage);
  const end = (stop: StopReason, stopSequence: string | null, usage = total()) => {
    begin();
    if (open) emit({ type: "block_stop", index: 0 });
    let index = open ? 1 : 0;
    if (!open && calls.length === 0) index = think();
    if (stop === "tool_use") {
      for (const { id, name, input } of calls) {
        emit({ type: "block_start", index, block: { type: "tool_use", id, name } });
        emit({ type: "delta", index, delta: { type: "input_json", json: JSON.stringify(input) } });
        emit({ type: "block_stop", index: index++ });
      }
    }
    emit({ type: "end", stop, stopSequence, usage });
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

  /** Tells whether the text is visible to a person; otherwise the CLI asks again. */
  const isSeen = () => written().trim() !== "";

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
      left: clean && !strayCall && json === null && !wentOn && (isSeen() || calls.length > 0) ? "clean" : "astray",
    };
  };

  const finishOutput = (wanted: Output, reason: StopReason): Verdict => {
    if (reason !== "end_turn" && reason !== "tool_use") {
      end(reason, null);
      return { kind: "ended", left: "astray" };
    }
    return validating(wanted.accept(json === null ? written() : JSON.stringify(json)), (value) => {
      say(value);
      end("end_turn", null);
      return { kind: "ended", left: "astray" };
    });
  };

  const noteBlock = (said: Said, block: Record<string, unknown>) => {
    if (block.type === "text" && typeof block.text === "string") said.text += block.text;
    if (block.type === "redacted_thinking" && typeof block.data === "string") {
      said.thoughts.push({ type: "redacted_thinking", data: block.data });
    }
    if (block.type === "thinking" && typeof block.thinking === "string") {
      said.thoughts.push({ type: "thinking", thinking: block.thinking, signature: String(block.signature ?? "") });
    }
    if (block.type !== "tool_use" || spans) return;
    const called = unprefixed(String(block.name));
    // The CLI answers a call of what does not exist by itself, and lets the model try again.
    if (called === null) {
      strayCall = true;
      return;
    }
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

  const forget = () => {
    messages.clear();
    calls.length = 0;
    strayCall = false;
    json = null;
  };

  const noteMessage = (line: TranscriptLine): void => {
    const { message } = line;
    if (typeof message?.id !== "string" || message.model === "<synthetic>") return;
    const known = messages.get(message.id);
    if (!known && past.has(message.id)) return;
    const at = line.timestamp ?? "";
    if (!known && messages.size > 0 && !spans) {
      wentOn = true;
      const [first] = messages.values();
      // The CLI may have displayed more by then, after a message without visible text: that belongs to the answer.
      const isShown = shown.trim() !== "" && !isSeen();
      if (!isShown && first && at >= first.at) return;
      if (isShown) for (const blank of messages.values()) blank.stop = null;
      // Lines may be written in another order than they came.
      else forget();
    }
    const said = known ?? { at, text: "", thoughts: [], usage: noUsage, stop: null, stopSequence: null };
    messages.set(message.id, said);
    past.add(message.id);
    if (!begun && typeof message.model === "string") answering = message.model;
    said.usage = mergeUsage(said.usage, message.usage);
    said.stop = message.stop_reason ?? said.stop;
    said.stopSequence = message.stop_sequence ?? said.stopSequence;
    for (const block of Array.isArray(message.content) ? message.content : []) {
      if (typeof block === "object" && block !== null) noteBlock(said, block);
    }
  };

  /** Arguments that are no JSON, and the like, the CLI answers itself. */
  const noteResults = ({ message }: TranscriptLine): void => {
    for (const block of Array.isArray(message?.content) ? message.content : []) {
      const at = calls.findIndex(({ id }) => block?.type === "tool_result" && id === block.tool_use_id);
      if (at < 0) continue;
      calls.splice(at, 1);
      strayCall = true;
    }
  };

  const noteGoingOn = (line: TranscriptLine): void => {
    const text = textOf(line.message?.content);
    const reason = goingOn.find(([begin]) => text.startsWith(begin))?.[1];
    if (reason === undefined || !isOfThisTurn(line)) return;
    wentOn = true;
    if (messages.size === 0) unwritten ??= reason;
  };

  const note = (line: TranscriptLine): void => {
    if (line.isSidechain) return;
    if (line.type === "user" && !line.isMeta && isOfThisTurn(line)) entered = true;
    if (line.type === "user") noteResults(line);
    if (line.type === "user" && line.isMeta) noteGoingOn(line);
    if (line.type === "assistant" && !line.isApiErrorMessage) noteMessage(line);
    if (line.type === "assistant" && line.isApiErrorMessage && line.message?.stop_reason === "refusal") {
      unwritten = "refusal";
    }
    if (line.type === "system" && line.subtype === "turn_duration" && isOfThisTurn(line)) ended = true;
  };

  /** Ends the answer if all of it is known. */
  const conclude = (isSettled: boolean, called: ReadonlySet<string>): Verdict => {
    const all = written();
    const covers = all.startsWith(shown);
    const last = lastOne();
    const ids = calls.map(({ id }) => normalisedId(id));
    const areMade = ids.every((id) => called.has(id)) && (json !== null || ids.length === called.size);
    if (last && natural.has(last.stop as string)) {
      // The CLI waits for its calls, whatever the reason that was given.
      if (isSettled && areMade && called.size > 0 && !spans) return finish({ ...last, stop: "tool_use" });
      if (wentOn && last.text.trim() === "" && (covers || isSettled)) return finish(last);
      const isWhole =
        hasEnded() || (lastText !== null && lastText.trim() !== "" && all.trimEnd().endsWith(lastText.trim()));
      return (covers && isWhole) || (isSettled && hasEnded()) ? finish(last) : more;
    }
    if (last) return wentOn || isSettled || (all !== "" && all === shown) ? finish(last) : more;

    const [only] = messages.values();
    if (only?.stop === "tool_use" && !spans) {
      if (strayCall || wentOn) return covers || isSettled ? finish(only) : more;
      return isSettled && areMade ? finish(only) : more;
    }
    // Written down before its reason was known: the CLI waits for the calls without a limit.
    if (only?.stop === null && !spans && isSettled && areMade && called.size > 0) {
      return finish({ ...only, stop: "tool_use" });
    }
    if (messages.size === 0 && unwritten !== null && shown === "") return endUnwritten(unwritten);
    if (!hasEnded() || !isSettled) return more;
    if (messages.size > 0) return cut();
    return endUnwritten("end_turn");
  };
  /** Ends with a message of which the CLI wrote nothing down, since it had no content. */
  const endUnwritten = (reason: StopReason): Verdict => {
    if (output && reason === "end_turn") return finishOutput(output, reason);
    if (mustCall && reason === "end_turn") {
      return failed(unusableAnswer("The model made no call, though the request demands one."));
    }
    end(reason, null, { ...noUsage, input: options.estimateInput() });
    return { kind: "ended", left: "astray" };
  };
  const none: ReadonlySet<string> = new Set();

  return {
    get begun() {
      return begun;
    },
    streamed,
    display({ message_id: id, delta }) {
      if (typeof delta !== "string" || delta === "" || output) return more;
      if (typeof id === "string" && past.has(id) && !shownIds.has(id)) return more;
      if (showing === undefined) showing = id;
      const isNext = showing !== id;
      if (isNext && !spans) return more;
      showing = id;
      if (typeof id === "string") {
        shownIds.add(id);
        past.add(id);
      }
      const piece = isNext && shown !== "" && !shown.endsWith("\n") ? `\n\n${delta}` : delta;
      shown += piece;
      streamed.deltas++;
      const verdict = tell(piece);
      return verdict === more ? conclude(false, none) : verdict;
    },
    read(lines) {
      for (const line of lines) note(line);
      const error = lines.find((line) => line.isApiErrorMessage && line.message?.stop_reason !== "refusal");
      const last = lastOne();
      // After a message that it would go on from, the CLI tells a person what it makes of that.
      if (error && (!last || natural.has(last.stop as string))) return failed(failureIn(error, now()));
      return conclude(false, none);
    },
    stopped(last) {
      lastText = last ?? "";
      return conclude(false, none);
    },
    settled: (called) => conclude(true, called),
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((block) => (typeof block?.text === "string" ? block.text : "")).join("");
}
