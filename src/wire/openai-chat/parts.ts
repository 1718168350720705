/** The parts of a message's content as blocks. */

import type { DocumentBlock, ImageBlock, TextBlock } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { decodeDocument, type ImageIntake } from "../images.ts";
import type { ChatMessage, ContentPart } from "./schema.ts";

export type ContentBlock = TextBlock | ImageBlock | DocumentBlock;

/**
 * Any content as blocks, none for null, "" and []. Texts without a visible character are left out, because the
 * model's API refuses them. Throws OcpError `invalid_request` that names the type and the path of a part that cannot
 * be taken.
 */
export function decodeContent(content: ChatMessage["content"], images: ImageIntake, param: string): ContentBlock[] {
  if (content === undefined) return [];
  const blocks: ContentBlock[] =
    typeof content === "string"
      ? [{ type: "text", text: content }]
      : content.map((part, index) => decodePart(part, images, `${param}.${index}`));
  return blocks.filter((block) => block.type !== "text" || block.text.trim() !== "");
}

/** Content that can only be text. Throws OcpError `invalid_request` for any other part; `whose` begins the sentence. */
export function decodeTexts(
  content: ChatMessage["content"],
  images: ImageIntake,
  param: string,
  whose: { sentence: string; reason?: string },
): TextBlock[] {
  return decodeContent(content, images, param).map((block) => {
    if (block.type === "text") return block;
    throw new OcpError("invalid_request", whose.sentence, { param, ...(whose.reason ? { reason: whose.reason } : {}) });
  });
}

function decodePart(part: ContentPart, images: ImageIntake, param: string): ContentBlock {
  switch (part.type) {
    case "text":
    case "input_text":
    case "output_text":
      return { type: "text", text: required(part.text, `${param}.text`) };
    case "refusal":
      return { type: "text", text: required(part.refusal, `${param}.refusal`) };
    case "image_url":
    case "input_image": {
      const image = required(part.image_url, `${param}.image_url`);
      return images.fromUrl(typeof image === "string" ? image : image.url, `${param}.image_url`);
    }
    case "image":
      return decodeAnthropicImage(part, images, `${param}.source`);
    case "file":
      return decodeFile(required(part.file, `${param}.file`), `${param}.file`);
    case "input_file":
      return decodeFile(part, param);
    default:
      throw new OcpError("invalid_request", `Content of type ${nameOf(part.type)} is not supported.`, {
        param: `${param}.type`,
        reason: "unsupported_content_type",
      });
  }
}

function decodeAnthropicImage(part: ContentPart, images: ImageIntake, param: string): ImageBlock {
  const source = required(part.source, param);
  if (source.type === "url") return images.fromUrl(required(source.url, `${param}.url`), `${param}.url`);
  const mediaType = required(source.media_type, `${param}.media_type`);
  return images.fromBase64(mediaType, required(source.data, `${param}.data`), `${param}.data`);
}

function decodeFile(file: { file_data?: string; filename?: string; file_id?: unknown }, param: string): DocumentBlock {
  if (file.file_id !== undefined) {
    throw new OcpError("invalid_request", "No files are kept here; send the file itself as `file_data`.", {
      param: `${param}.file_id`,
      reason: "unsupported_parameter",
    });
  }
  return decodeDocument(required(file.file_data, `${param}.file_data`), file.filename, `${param}.file_data`);
}

/** A type is one of the API's words; what does not look like one may be the prompt itself, and is not repeated. */
function nameOf(type: string): string {
  return /^[a-z][a-z0-9_]{0,39}$/.test(type) ? `\`${type}\`` : "this name";
}

function required<T>(value: T | undefined, param: string): T {
  if (value !== undefined) return value;
  throw new OcpError("invalid_request", `\`${param}\` is required.`, { param });
}
