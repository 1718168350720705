/** The model's part in a session of Claude Code: it has the agent do numbered steps with its own tools. */

import { join } from "node:path";
import { blocksOf, type ContentBlock, type MessagesBody } from "../../src/demo/request.ts";
import type { AnswerScript, ScriptBlock } from "../../src/demo/script.ts";
import type { Scenario } from "../../src/demo/simulator.ts";

/** The words by which the agent is asked, and of which the script knows how far to go. */
export const prompt = (last: number) => `Do the task, step by step, up to step ${last}.`;

export interface WorkOptions {
  /** Where the agent works. */
  directory: string;
  /** The step at which two sub-agents work side by side; none if it is absent. */
  delegateAt?: number;
}

const thinking: ScriptBlock = { type: "thinking", thinking: "Let me see what comes next." };

export function work({ directory, delegateAt }: WorkOptions): Scenario {
  return ({ body, path }) => {
    if (!body || path !== "/v1/messages") return undefined;
    const offered = ((body.tools ?? []) as Array<{ name: string }>).map(({ name }) => name);
    // A title, for one.
    if (!offered.includes("Bash")) return say('{"title":"The task"}');
    const task = textsOf(body, "user", 1).join("\n");
    const subtask = /SUBTASK (\w+)/.exec(task)?.[1];
    if (subtask) return subtaskStep(body, subtask);
    const done = stepsDone(body);
    if (isCompaction(body)) return say(`<summary>The task goes on. Steps done: ${done}.</summary>`);
    const last = Math.max(...numbersIn(textsOf(body, "user"), /up to step (\d+)/g));
    if (done >= last) return say(`All steps up to ${last} are done.`);
    const calls = done + 1 === delegateAt ? delegation : [step(done + 1, directory)];
    return { blocks: [thinking, `Step ${done + 1}.`, ...calls] };
  };
}

const say = (text: string): AnswerScript => ({ blocks: [text] });
const call = (name: string, input: Record<string, unknown>): ScriptBlock => ({ type: "tool_use", name, input });
const bash = (command: string) => call("Bash", { command, description: "Work on the task" });

/** Two answers of each sub-agent, and its report. */
function subtaskStep(body: MessagesBody, name: string): AnswerScript {
  const results = body.messages
    .flatMap(({ content }) => blocksOf(content))
    .filter(({ type }) => type === "tool_result");
  if (results.length === 2) return say(`Subtask ${name} is done.`);
  return { blocks: [thinking, bash(`echo ${name} ${results.length}; seq 100 160`)] };
}

const delegation = ["one", "two"].map((name) =>
  call("Agent", {
    description: `Subtask ${name}`,
    prompt: `SUBTASK ${name}: look at the files.`,
    subagent_type: "general-purpose",
    run_in_background: false,
  }),
);

/**
 * Steps of five kinds. Edit leaves out `replace_all` and Write ends lines with white space, as models do: the agent sends
 * both back otherwise.
 */
function step(number: number, directory: string): ScriptBlock {
  const file = join(directory, "base.txt");
  const kinds = [
    bash(`seq ${number} ${number + 200}; echo base${number} > base.txt`),
    call("Read", { file_path: file }),
    call("Edit", { file_path: file, old_string: "base", new_string: "BASE" }),
    call("Write", { file_path: join(directory, `note${number}.md`), content: `# Note ${number}  \nIt goes on.\t\n` }),
    bash("cat base.txt note*.md && ls -la"),
  ];
  return kinds[(number - 1) % kinds.length]!;
}

/** The newest step that the conversation, or the summary at its begin, names. */
function stepsDone(body: MessagesBody): number {
  const said = numbersIn(textsOf(body, "assistant"), /\bStep (\d+)\b/g);
  const summarised = numbersIn(textsOf(body, "user"), /\bSteps done: (\d+)/g);
  return Math.max(0, ...said, ...summarised);
}

function isCompaction(body: MessagesBody): boolean {
  const last = blocksOf(body.messages.findLast(({ role }) => role === "user")?.content);
  return last.some(({ text }) => /create a detailed summary|Respond with TEXT ONLY/.test(text ?? ""));
}

/** The texts of the first so many messages of a role. */
function textsOf({ messages }: MessagesBody, role: string, count = messages.length): string[] {
  const some = messages.filter((message) => message.role === role).slice(0, count);
  const blocks: ContentBlock[] = some.flatMap(({ content }) => blocksOf(content));
  return blocks.flatMap(({ type, text }) => (type === "text" && text !== undefined ? text : []));
}

function numbersIn(texts: readonly string[], pattern: RegExp): number[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, number]) => Number(number)));
}
