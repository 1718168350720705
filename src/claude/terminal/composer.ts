/**
 * Puts a message into the CLI's composer and sends it. The text goes through the CLI's own editor key: it arrives as it
 * is, whatever it holds, where a paste would be wrapped, retabbed, or taken for the path of a picture of this host
 * (2.1.197, 2.1.330). That the editor ran also proves that a composer is there, and no question, whatever its words.
 */

import { OcpError } from "../../core/errors.ts";
import type { SessionFiles } from "./files.ts";
import type { Prompt } from "./prompt.ts";
import { visible } from "./prompt.ts";
import type { Pty } from "./pty.ts";

/** Ctrl+G. */
const editorKey = "\u0007";
const enter = "\r";
/**
 * After how many ms a key that had no effect is pressed again, and each time after twice as many: while the CLI starts,
 * or draws, it hears none; while it is busy it hears all of them, one after the other.
 */
const again = 250;
/** How long, in ms, a step may take: a busy Pi takes its time. */
const patience = 60_000;
/** How long, in ms, the text may take to be seen on the screen before it is sent unseen. */
const drawing = 400;
/** How long, in ms, a picture may take until its mark is seen. */
const reading = 3_000;

export interface Composing {
  pty: Pty;
  files: SessionFiles;
  prompt: Prompt;
  /** Told the text before it is sent: it is what the CLI is to report as submitted. */
  expect: (text: string) => void;
  /** Whether the CLI has reported that, or refused it. */
  submitted: () => boolean;
  /** Resolves at the next sign of life of the session. */
  stirred: () => Promise<void>;
  /** Whether the screen holds nothing of a conversation, so that a log may show it. */
  blank: boolean;
  /** Its reason is what is thrown when it aborts. */
  signal: AbortSignal;
}

/** Resolves when the CLI has taken the message. Throws OcpError upstream_failed when it does not. */
export async function compose(composing: Composing): Promise<void> {
  const { pty, files, prompt, expect, submitted } = composing;
  // Keys that come before would wait, and be heard one after the other.
  await until(composing, () => pty.screen.openings > 0, patience);
  const marks = prompt.images.length === 0 ? [] : await attach(composing);
  const text = prompt.text(marks);
  files.putPrompt(text);
  const before = pty.screen.openings;
  await press(composing, editorKey, () => !files.promptWaits() && pty.screen.openings > before);
  const end = visible(text).slice(-12);
  await until(composing, () => visible(pty.screen.text()).includes(end), drawing);
  expect(text);
  await press(composing, enter, submitted);
}

/** Pastes the paths of the pictures, and returns the marks that the composer has for them. */
async function attach(composing: Composing): Promise<string[]> {
  const { pty, files, prompt } = composing;
  await edited(composing);
  const marks: string[] = [];
  for (const { mediaType, data } of prompt.images) {
    const path = files.putImage(mediaType, data);
    const deadline = performance.now() + patience;
    for (;;) {
      const drawn = marksIn(pty.screen.text()).length;
      pty.write(`\u001b[200~${path}\u001b[201~`);
      // The composer reads the picture first, and would lose it to an editor that opens meanwhile.
      await until(composing, () => marksIn(pty.screen.text()).length > drawn, reading);
      const found = marksIn(await edited(composing));
      if (found.length > marks.length) {
        marks.push(found.at(-1) as string);
        break;
      }
      if (performance.now() > deadline) {
        throw new OcpError("invalid_request", "The interactive CLI does not take this picture.", {
          reason: "unsupported_in_tui_mode",
        });
      }
      // A composer that is just coming back hears no paste.
      await until(composing, () => false, again);
    }
  }
  return marks;
}

function marksIn(text: string): string[] {
  return text.split("[").flatMap((piece) => {
    const end = piece.indexOf("]");
    const inside = piece.slice(0, Math.max(end, 0));
    return /#\d/.test(inside) ? [`[${inside}]`] : [];
  });
}

/** What the composer holds. */
async function edited(composing: Composing): Promise<string> {
  const { pty, files } = composing;
  files.dropHeld();
  const before = pty.screen.openings;
  await press(composing, editorKey, () => files.held() !== null && pty.screen.openings > before);
  return files.held() ?? "";
}

/** Presses a key until it has its effect. */
async function press(composing: Composing, key: string, done: () => boolean): Promise<void> {
  const { pty, files } = composing;
  const deadline = performance.now() + patience;
  files.dropOpened();
  for (let wait = again; performance.now() < deadline; wait *= 2) {
    // A second editor would get what the first has put in, which 2.1.330 then wraps.
    if (key !== editorKey || !files.opened()) pty.write(key);
    if (await until(composing, done, Math.min(wait, deadline - performance.now()))) return;
  }
  throw new OcpError(
    "upstream_failed",
    "The interactive CLI does not take the message: it seems to ask something first.",
    {
      ...(key === editorKey && composing.blank
        ? { cause: new Error(`the screen shows: ${composing.pty.screen.text().replace(/\s+/g, " ").slice(0, 300)}`) }
        : {}),
    },
  );
}

/** Whether it came true within so many ms. */
async function until(composing: Composing, test: () => boolean, ms: number): Promise<boolean> {
  const { stirred, signal } = composing;
  const deadline = performance.now() + ms;
  for (;;) {
    signal.throwIfAborted();
    if (test()) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await Promise.race([stirred(), Bun.sleep(left)]);
  }
}
