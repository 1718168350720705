/** How many tokens a conversation is, about: nobody but the model's side can count them exactly, and asking costs. */

import type { AssistantBlock, Conversation, DocumentBlock, ImageBlock, UserBlock } from "./conversation.ts";
import { imageSize } from "./image-size.ts";

/** Characters of a token: 3.5 in English, by the vendor's glossary; fewer in JSON, which is full of punctuation. */
const textDensity = 3.5;
const jsonDensity = 3;
/** Of writing that is neither Latin nor East Asian. */
const otherDensity = 2;

/** What the API adds around a message, and around a request that offers tools. */
const perMessage = 4;
const perToolbox = 320;
const perTool = 8;

/** Pixels of a token, by the vendor's vision guide. The CLI makes images fit into 2000 pixels (2.1.330). */
const pixelsPerToken = 750;
const longestSide = 2000;
const imageMax = 4784;
const unknownImage = 1600;

/** A page is its text and its picture: 1,500 to 3,000 tokens of text alone, by the vendor's guide to PDF. */
const perPage = 3000;
/** Decoded bytes, for want of a look inside. */
const bytesPerPage = 50_000;
const unknownPages = 10;

/**
 * The tokens that a request's system prompt, messages, tools and output schema are, by the look of them; what the CLI
 * adds of its own is not among them. Most English text comes out within a fifth of the true figure.
 */
export function estimateInputTokens({ system, messages, toolbox, output }: Conversation): number {
  let tokens = estimateText(system);
  for (const message of messages) {
    tokens += perMessage;
    for (const block of message.content) tokens += estimateBlock(block);
  }
  if (toolbox) tokens += perToolbox;
  for (const { name, description, inputSchema } of toolbox?.tools ?? []) {
    tokens += perTool + estimateText(name) + estimateText(description) + estimateJson(inputSchema);
  }
  if (output?.schema) tokens += estimateJson(output.schema);
  return Math.ceil(tokens);
}

/** Not rounded, so that parts may be added up. */
export function estimateText(text: string, density = textDensity): number {
  let latin = 0;
  let eastAsian = 0;
  let other = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x250) latin++;
    else if (isEastAsian(code)) eastAsian++;
    else other++;
  }
  return latin / density + eastAsian + other / otherDensity;
}

/** Of these scripts a character is about a token; so is half of what stands outside the basic plane, such as emoji. */
function isEastAsian(code: number): boolean {
  return (
    (code >= 0x2e80 && code <= 0x9fff) ||
    (code >= 0xac00 && code <= 0xdfff) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    code >= 0xff00
  );
}

function estimateJson(value: unknown): number {
  return estimateText(JSON.stringify(value), jsonDensity);
}

function estimateBlock(block: UserBlock | AssistantBlock): number {
  switch (block.type) {
    case "text":
    case "system":
      return estimateText(block.text);
    case "thinking":
      return estimateText(block.thinking);
    case "redacted_thinking":
      return estimateText(block.data);
    case "tool_use":
      return perTool + estimateText(block.name) + estimateJson(block.input);
    case "tool_result":
      return perTool + block.content.reduce((sum, part) => sum + estimateBlock(part), 0);
    case "image":
      return estimateImage(block);
    case "document":
      return estimateDocument(block);
  }
}

function estimateImage({ source }: ImageBlock): number {
  const size = source.type === "base64" ? imageSize(source.data) : null;
  if (size === null) return unknownImage;
  const scale = Math.min(1, longestSide / Math.max(size.width, size.height));
  return Math.min(imageMax, (size.width * size.height * scale * scale) / pixelsPerToken);
}

function estimateDocument({ source, title, context }: DocumentBlock): number {
  const about = estimateText(title ?? "") + estimateText(context ?? "");
  if (source.type === "text") return about + estimateText(source.data);
  const pages = source.type === "url" ? unknownPages : Math.ceil((source.data.length * 0.75) / bytesPerPage);
  return about + pages * perPage;
}
