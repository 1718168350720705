/** The user's last message as the text that is put into the CLI's composer, and the pictures that go with it. */

import type { ImageBlock, ImageMediaType, UserMessage } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { imageSize } from "../../core/image-size.ts";
import { reminder } from "../blocks.ts";

export interface Prompt {
  images: Array<{ mediaType: ImageMediaType; data: string }>;
  /** The text, given the composer's own marks for the pictures, in their order. */
  text(marks: readonly string[]): string;
}

/** Throws OcpError invalid_request for what the interactive CLI cannot be given. */
export function promptOf({ content }: UserMessage): Prompt {
  const images: Prompt["images"] = [];
  const parts: Array<string | { image: number }> = [];
  for (const block of content) {
    if (block.type === "text") {
      parts.push(typable(block.text));
    } else if (block.type === "system") {
      parts.push(typable(reminder(block).text));
    } else if (block.type === "image") {
      parts.push({ image: images.length });
      images.push(pictureOf(block));
    } else if (block.type === "document" && block.source.type === "text") {
      parts.push(typable([block.title, block.source.data].filter(Boolean).join("\n")));
    } else if (block.type === "document") {
      throw unfit("takes no PDF documents");
    }
  }
  const words = parts.filter((part) => typeof part === "string").join("");
  if (images.length === 0 && visible(words) === "") throw unfit("takes no message without visible text");
  return {
    images,
    text(marks) {
      const texts = parts.map((part) => (typeof part === "string" ? part : (marks[part.image] ?? "")));
      return harmless(texts.join("\n"));
    },
  };
}

function pictureOf({ source }: ImageBlock) {
  if (source.type === "url") throw unfit("takes pictures only as data, not by URL");
  if (imageSize(source.data) === null) throw unfit("cannot read this picture");
  return { mediaType: source.media_type, data: source.data };
}

/** The error for what the interactive CLI cannot be given, though the other mode could. */
export function unfit(what: string): OcpError {
  return new OcpError("invalid_request", `This server runs the interactive CLI (CLAUDE_TUI_MODE), which ${what}.`, {
    reason: "unsupported_in_tui_mode",
  });
}

/**
 * Control characters cannot be typed, and 2.1.330 drops them: they become the signs that stand for them, as terminals
 * show them. Tabs and line ends stay. 2.1.330 also drops the marks that it puts around a
 * paste: they stay as HTML would write them.
 */
function typable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    .replace(/<(?=\/?pasted_content)/gi, "&lt;")
    .replace(/\p{Cc}/gu, (char) => (char === "\n" || char === "\t" ? char : pictureOfControl(char.charCodeAt(0))));
}

function pictureOfControl(code: number): string {
  return String.fromCharCode(code < 0x20 ? 0x2400 + code : 0x2421);
}

/** What ends the CLI, whatever stands around it (2.1.197, 2.1.330). */
const exits = new Set(["exit", "quit", ":q", ":q!", ":wq", ":wq!"]);

/** What 2.1.330 takes out of a text before it looks for a command in it. */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Keeps a text from being a command. `/` begins one at the very start only. A space at the end, which the CLI takes
 * away again, closes the list of completions that an `@` opens, and parts a backslash from the Enter key.
 */
function harmless(text: string): string {
  const bare = text.replace(invisible, "").trimStart();
  if (exits.has(bare.trim().toLowerCase())) return `${text.trim()}. `;
  return `${bare.startsWith("/") ? " " : ""}${text} `;
}

/**
 * What of a text is compared: the CLI trims it, normalises it, and 2.1.330 takes invisible characters out of it, so
 * nothing of all that counts.
 */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\s\p{C}\p{Default_Ignorable_Code_Point}]/gu, "");
}
