/**
 * Parameters that a model's API refuses. One that it names in a 400 is left out and the turn tried once more; when
 * that helps, the model's next turns start without it. Which model takes which neither the CLI nor a document tells.
 */

import type { Conversation, Sampling } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { thinksNot } from "./dials.ts";

/** `toolChoice`: that a call is forced. Without it the model is told to make one, and the answer is held to that. */
type Parameter = keyof Sampling | "toolChoice";

/** What one turn has left out so far. */
export interface Omissions {
  /** The conversation without them. Stop texts and forced calls go on being seen to here, so they are not ignored. */
  apply(): { conversation: Conversation; forcing: boolean; ignored: Array<keyof Sampling> };
  /** True when the error names a parameter that was sent: the turn may be tried without it. */
  add(error: unknown): boolean;
  /** To be called when the turn succeeded: what was left out is remembered for the model. */
  confirm(): void;
}

export interface Refusals {
  begin(conversation: Conversation): Omissions;
}

/** How the API names the parameters where it refuses them. */
const names: Array<{ parameter: Parameter; pattern: RegExp }> = [
  { parameter: "toolChoice", pattern: /\btool_choice\b|\bforces? tool use\b/ },
  { parameter: "temperature", pattern: /(^|[\s`'"])temperature\b/ },
  { parameter: "topP", pattern: /(^|[\s`'"])top_p\b/ },
  { parameter: "topK", pattern: /(^|[\s`'"])top_k\b/ },
  { parameter: "stop", pattern: /(^|[\s`'"])stop_sequences\b/ },
  { parameter: "effort", pattern: /\boutput_config\b|\beffort parameter\b/ },
];

export function createRefusals(): Refusals {
  /** Bounded by the models that Anthropic serves and the few parameters above. */
  const known = new Set<string>();

  return {
    begin(asked) {
      const { model, sampling } = asked;
      // Several parameters are refused only together with thinking.
      const thinking = thinksNot(asked) ? "plain" : "thinking";
      const wantedOf = (parameter: Parameter) => (parameter === "effort" ? sampling.effort : "");
      const keyOf = (parameter: Parameter) => `${model} ${thinking} ${parameter} ${wantedOf(parameter)}`;
      const given = names.filter(({ parameter }) => isSet(asked, parameter));
      const omitted = new Set(given.map(({ parameter }) => parameter).filter((each) => known.has(keyOf(each))));

      return {
        apply() {
          const rest: Sampling = { ...sampling };
          const ignored: Array<keyof Sampling> = [];
          let conversation = asked;
          for (const parameter of omitted) {
            if (parameter === "toolChoice") conversation = inWords(conversation);
            else if (parameter === "stop") rest.stop = [];
            else {
              delete rest[parameter];
              ignored.push(parameter);
            }
          }
          const forcing = !omitted.has("toolChoice");
          return { conversation: { ...conversation, sampling: rest }, forcing, ignored };
        },
        add(error) {
          if (!(error instanceof OcpError) || error.code !== "invalid_request") return false;
          const named = given.find(({ parameter, pattern }) => !omitted.has(parameter) && pattern.test(error.message));
          if (named) omitted.add(named.parameter);
          return named !== undefined;
        },
        confirm() {
          for (const parameter of omitted) known.add(keyOf(parameter));
        },
      };
    },
  };
}

function isSet({ sampling, toolbox, output }: Conversation, parameter: Parameter): boolean {
  if (parameter === "toolChoice") return output !== null || isForced(toolbox?.choice.type);
  return parameter === "stop" ? sampling.stop.length > 0 : sampling[parameter] !== undefined;
}

function isForced(choice: string | undefined): boolean {
  return choice === "any" || choice === "tool";
}

/** The same wish in words. */
function inWords(conversation: Conversation): Conversation {
  const { system, toolbox, output } = conversation;
  const named = toolbox?.choice.type === "tool" ? `the tool ${toolbox.choice.name}` : "one of your tools";
  const wish =
    output === null ? `You must answer by calling ${named}.` : "You must give your answer by calling a tool.";
  return { ...conversation, system: system === "" ? wish : `${system}\n\n${wish}` };
}
