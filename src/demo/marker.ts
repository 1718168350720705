/**
 * A request may bring the script of its own answer, so that a person with curl can provoke each case:
 * `[[demo {"blocks":["Hello!"],"paceMs":200}]]` or `[[demo {"status":429,"retryAfter":30}]]`, anywhere in the last
 * user message; the last marker counts. `script.ts` says what a script may hold.
 */

import { checkScript } from "./check.ts";
import type { ErrorScript, Script } from "./script.ts";

const opening = "[[demo";

/** Undefined without a marker; a broken one is a 400 that says what is wrong with it. */
export function readMarker(text: string): Script | undefined {
  const start = text.lastIndexOf(opening);
  if (start === -1) return undefined;
  const rest = text.slice(start + opening.length);
  const json = untilClosing(rest);
  if (json === undefined) return broken('it is not closed by "]]"');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    return broken(`it does not hold JSON (${cause instanceof Error ? cause.message : cause})`);
  }
  const checked = checkScript(value);
  return "script" in checked ? checked.script : broken(checked.wrong);
}

/**
 * The text before the first `]]` that does not stand inside the JSON, where lists and strings may hold one too;
 * where the JSON does not balance, before the last `]]`.
 */
function untilClosing(text: string): string | undefined {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if (depth === 0 && text.startsWith("]]", at)) return text.slice(0, at);
    else if (char === "}" || char === "]") depth--;
  }
  const end = text.lastIndexOf("]]");
  return end === -1 ? undefined : text.slice(0, end);
}

function broken(what: string): ErrorScript {
  return { status: 400, message: `The [[demo ...]] marker in the last user message cannot be used: ${what}.` };
}
