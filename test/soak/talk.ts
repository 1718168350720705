/** One conversation as its client holds it: in one dialect, for one principal, with the history that was agreed on. */

import type { Message, ToolUseBlock } from "../../src/core/conversation.ts";
import type { AnswerScript, Script } from "../../src/demo/script.ts";
import { result, text, tool } from "../claude/engine.ts";
import { callsIn } from "../dialects/content.ts";
import type { Dialect } from "../dialects/dialect.ts";
import type { Random } from "../harness/random.ts";
import { asking, heard } from "./model.ts";
import type { Asking, Outcome } from "./turn.ts";

/** Asks, books how it ended, and returns that and the answer's content. */
export type Take = (asking: Asking, expected: readonly Outcome[]) => Promise<{ outcome: Outcome; message: Message }>;

export interface Talk {
  /** Asks for a text; whether it came. */
  ask(): Promise<boolean>;
  /** Asks for so many calls, whose results the next message brings; whether they came. */
  call(count: number): Promise<boolean>;
  /** Asks for an answer in JSON, in the chat dialect. */
  askJson(): Promise<boolean>;
  /** Asks what can end in these ways only; the history stays as it is. */
  fail(script: Script, ...ends: Outcome[]): Promise<void>;
  /** Asks, and leaves after so many frames, or ms; an answer may be faster. */
  leave(leaves: NonNullable<Asking["leaves"]>, script?: Script): Promise<void>;
  /** Sends the next message twice at the same time; one of them may be refused. */
  askTwice(...refusals: Outcome[]): Promise<boolean>;
  /** Rewrites the first message; whatever was said after it stays. */
  edit(): void;
  /** Takes the last question back, and with it its answer; the next message asks it again, to the letter. */
  regenerate(): void;
}

export interface TalkOptions {
  number: number;
  dialect: Dialect;
  model: string;
  headers: Record<string, string>;
  random: Random;
  take: Take;
}

/** A message, and the answer that it asks for. */
interface Posed<Kind extends Script = AnswerScript> {
  question: Message;
  script: Kind;
}

const tools = [tool("look"), tool("touch")];
/** Characters of a message. */
const longest = 20_000;
const filler = "All of it counts. ";

export function createTalk({ number, dialect, model, headers, random, take }: TalkOptions): Talk {
  const messages: Message[] = [];
  let serial = 0;
  let withTools = false;
  /** Calls whose results the next message is to bring. */
  let open: ToolUseBlock[] = [];
  /** What was agreed on last, and whether it is to be asked again. */
  let last: Posed | null = null;
  let again = false;

  const words = () => {
    const most = random.chance(0.1) ? longest / filler.length : 20;
    return `Talk ${number}, message ${++serial}. ${filler.repeat(random.between(0, most))}`;
  };
  const answering = (): AnswerScript => ({
    blocks: [`You said ${heard}.${" And so on.".repeat(random.between(0, 60))}`],
    paceMs: random.pick([0, 0, 1, 3]),
  });
  const calling = (count: number): AnswerScript => ({
    blocks: Array.from({ length: count }, (_, at) => {
      return { type: "tool_use" as const, name: random.pick(["look", "touch"]), input: { path: `${heard}/${at}` } };
    }),
    paceMs: random.pick([0, 1]),
  });

  /** The next message brings the results that are due, or a text; the last of its texts asks. */
  const pose = <Kind extends Script>(script: Kind): Posed<Kind> => {
    const asks = asking(words(), script);
    const results = open.map(({ id }, at) => result(id, at === open.length - 1 ? asks : words()));
    return { question: { role: "user", content: results.length > 0 ? results : [text(asks)] }, script };
  };
  const send = (
    { question, script }: Posed<Script>,
    expected: readonly Outcome[],
    { leaves, extra = {} }: Pick<Asking, "leaves"> & { extra?: Record<string, unknown> } = {},
  ) => {
    const stream = (leaves && "frames" in leaves) || random.chance(0.6);
    const asked = { messages: [...messages, question], stream, model, tools: withTools ? tools : [] };
    return take({ dialect, script, asked, options: { headers, extra }, ...(leaves ? { leaves } : {}) }, expected);
  };
  const agree = (posed: Posed, answer: Message) => {
    messages.push(posed.question, answer);
    open = callsIn(answer);
    last = posed;
    again = false;
    return true;
  };
  const exchange = async (script: AnswerScript, extra?: Record<string, unknown>) => {
    const posed = again && last ? last : pose(script);
    const { outcome, message } = await send(posed, ["answered"], extra ? { extra } : {});
    return outcome === "answered" && agree(posed, message);
  };

  return {
    ask: () => exchange(answering()),
    call(count) {
      withTools = true;
      return exchange(calling(count));
    },
    askJson() {
      const json_schema = { name: "heard", schema: { type: "object", properties: { heard: { type: "string" } } } };
      const extra = { response_format: { type: "json_schema", json_schema } };
      return exchange({ blocks: [JSON.stringify({ heard })] }, extra);
    },
    async fail(script, ...ends) {
      await send(pose(script), ends);
    },
    async leave(leaves, script = { ...answering(), paceMs: 20 }) {
      await send(pose(script), ["left", "answered"], { leaves });
    },
    async askTwice(...refusals) {
      const posed = pose(answering());
      const both = await Promise.all([1, 2].map(() => send(posed, ["answered", ...refusals])));
      const won = both.find(({ outcome }) => outcome === "answered");
      return won !== undefined && agree(posed, won.message);
    },
    edit() {
      messages[0] = { role: "user", content: [text(`Edited. ${words()}`)] };
    },
    regenerate() {
      messages.splice(-2);
      open = [];
      again = true;
    },
  };
}
