/**
 * The model's part: each message brings the script of its answer (src/demo/marker.ts), and the answer quotes a digest
 * of all that the model was told, so that a conversation that was crossed, cut or repeated shows in its next answer.
 */

import { createHash } from "node:crypto";
import { readMarker } from "../../src/demo/marker.ts";
import { lastUserText } from "../../src/demo/request.ts";
import type { Script } from "../../src/demo/script.ts";
import type { Scenario } from "../../src/demo/simulator.ts";
import { saidUpstream } from "../claude/engine.ts";

/** Stands in a script for the digest. */
export const heard = "{heard}";

/** The text of a message that asks for this answer. */
export function asking(words: string, script: Script): string {
  return `${words} [[demo ${JSON.stringify(script)}]]`;
}

/** The script with the digest of these messages, as the client sent them or as the model's API got them. */
export function filled<Kind extends Script>(script: Kind, messages: readonly unknown[]): Kind {
  const said = saidUpstream({ messages }).join("\n");
  const digest = createHash("sha256").update(said).digest("hex").slice(0, 16);
  return JSON.parse(JSON.stringify(script).replaceAll(heard, digest));
}

export const scenario: Scenario = ({ body }) => {
  const script = body ? readMarker(lastUserText(body)) : undefined;
  return body && script ? filled(script, body.messages) : undefined;
};
