/**
 * Parameters that a model's API refuses. One that it names in a 400 is left out and the turn tried once more; when
 * that helps, the model's next turns start without it. Which model takes which neither the CLI nor a document tells.
 */

import type { Conversation, Sampling } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { thinksNot } from "./dials.ts";

type Parameter = keyof Sampling;

/** What one turn has left out so far. */
export interface Omissions {
  /** The conversation without them. Stop texts go on being matched here, so they are not ignored. */
  apply(): { conversation: Conversation; ignored: Parameter[] };
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
  { parameter: "temperature", pattern: /(^|[\s`'"])temperature\b/ },
  { parameter: "topP", pattern: /(^|[\s`'"])top_p\b/ },
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
      const thinking = thinksNot(sampling) ? "plain" : "thinking";
      const value = (parameter: Parameter) => (parameter === "effort" ? sampling.effort : "");
      const keyOf = (parameter: Parameter) => `${model} ${thinking} ${parameter} ${value(parameter)}`;
      const isSet = (parameter: Parameter) =>
        parameter === "stop" ? sampling.stop.length > 0 : sampling[parameter] !== undefined;
      const given = names.filter(({ parameter }) => isSet(parameter));
      const omitted = new Set(given.map(({ parameter }) => parameter).filter((each) => known.has(keyOf(each))));

      return {
        apply() {
          const rest: Sampling = { ...sampling };
          for (const parameter of omitted) {
            if (parameter === "stop") rest.stop = [];
            else delete rest[parameter];
          }
          const ignored = [...omitted].filter((parameter) => parameter !== "stop");
          return { conversation: { ...asked, sampling: rest }, ignored };
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
