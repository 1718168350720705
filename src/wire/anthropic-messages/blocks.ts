/** The blocks of a message's content: nearly as they are, without what has no meaning here. */

import type { AssistantBlock, DocumentBlock, ImageBlock, TextBlock, UserBlock } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { isDeeperThan } from "../check.ts";
import { checkLink, createImageIntake, type ImageLimits, pdfSource } from "../images.ts";
import type { RequestBlock, RequestMessage, RequestPart } from "./schema.ts";

/** Decodes the blocks of one request. Throws OcpError `invalid_request` or `body_too_large` with their path. */
export interface BlockDecoder {
  user(content: RequestMessage["content"], param: string): UserBlock[];
  assistant(content: RequestMessage["content"], param: string): AssistantBlock[];
  system(content: RequestMessage["content"], param: string): string[];
  /** Where the result of a call stands. */
  placeOf(toolUseId: string): string;
}

/** The rule of the model's API. */
const idRule = /^[a-zA-Z0-9_-]+$/;

/** Adds to `ignored` what has no effect. */
export function createBlockDecoder(limits: ImageLimits, ignored: Set<string>): BlockDecoder {
  const images = createImageIntake(limits);
  const calls = new Set<string>();
  const results = new Map<string, string>();

  function decodePart(part: RequestPart, param: string): TextBlock | ImageBlock | DocumentBlock | null {
    switch (part.type) {
      case "text":
        return { type: "text", text: required(part.text, `${param}.text`) };
      case "image":
        return decodeImage(required(part.source, `${param}.source`), `${param}.source`);
      case "document":
        return decodeDocument(part, param);
      default:
        return null;
    }
  }

  function decodeImage(source: NonNullable<RequestPart["source"]>, param: string): ImageBlock {
    if (source.type === "url") return images.fromUrl(required(source.url, `${param}.url`), `${param}.url`);
    if (source.type !== "base64") throw unsupported(source.type, `${param}.type`, "An image's source");
    const mediaType = required(source.media_type, `${param}.media_type`);
    return images.fromBase64(mediaType, required(source.data, `${param}.data`), `${param}.data`);
  }

  function decodeDocument({ source, title, context, citations }: RequestPart, param: string): DocumentBlock {
    if ((citations as { enabled?: unknown } | undefined)?.enabled === true) ignored.add("citations");
    return {
      type: "document",
      source: decodeDocumentSource(required(source, `${param}.source`), `${param}.source`),
      ...(title ? { title } : {}),
      ...(context ? { context } : {}),
    };
  }

  function decodeDocumentSource(source: NonNullable<RequestPart["source"]>, param: string): DocumentBlock["source"] {
    switch (source.type) {
      case "base64": {
        const mediaType = required(source.media_type, `${param}.media_type`);
        return pdfSource(mediaType, required(source.data, `${param}.data`), `${param}.data`);
      }
      case "text":
        return { type: "text", media_type: "text/plain", data: required(source.data, `${param}.data`) };
      case "url": {
        const url = required(source.url, `${param}.url`);
        checkLink(url, "document", limits, `${param}.url`);
        return { type: "url", url };
      }
      default:
        throw unsupported(source.type, `${param}.type`, "A document's source");
    }
  }

  function decodeResult(block: RequestBlock, param: string): UserBlock {
    const id = required(block.tool_use_id, `${param}.tool_use_id`);
    if (results.has(id)) throw invalid("This tool call has been answered already.", `${param}.tool_use_id`);
    results.set(id, `${param}.tool_use_id`);
    const parts = toBlocks<RequestPart>(block.content, `${param}.content`);
    const content = parts.map(([part, at]) => {
      const decoded = decodePart(part, at);
      if (decoded === null) throw unsupported(part.type, `${at}.type`, "In a tool's result, content");
      return decoded;
    });
    return {
      type: "tool_result",
      tool_use_id: id,
      content: content.filter(isVisible),
      ...(block.is_error === undefined ? {} : { is_error: block.is_error }),
    };
  }

  function decodeCall(block: RequestBlock, param: string): AssistantBlock {
    const id = required(block.id, `${param}.id`);
    if (!idRule.test(id)) throw invalid("A tool call's id may have letters, digits, `_` and `-` only.", `${param}.id`);
    if (calls.has(id)) throw invalid("Two tool calls have this id.", `${param}.id`);
    calls.add(id);
    const input = block.input ?? {};
    if (typeof input !== "object" || Array.isArray(input) || isDeeperThan(200, input)) {
      throw invalid("The input of a tool call must be a JSON object.", `${param}.input`);
    }
    const name = required(block.name, `${param}.name`);
    return { type: "tool_use", id, name, input: input as Record<string, unknown> };
  }

  function decodeAssistant(block: RequestBlock, param: string): AssistantBlock | null {
    switch (block.type) {
      case "text":
        return { type: "text", text: required(block.text, `${param}.text`) };
      case "tool_use":
        return decodeCall(block, param);
      case "thinking": {
        const { thinking = "", signature = "" } = block;
        // The API refuses thoughts that it has not signed; clients that have lost the signature send them all the same.
        return signature === "" ? null : { type: "thinking", thinking, signature };
      }
      case "redacted_thinking":
        return { type: "redacted_thinking", data: required(block.data, `${param}.data`) };
      default:
        throw unsupported(block.type, `${param}.type`, "In an assistant message, content");
    }
  }

  return {
    user(content, param) {
      const blocks = toBlocks<RequestBlock>(content, param).map(([block, at]) => {
        const decoded = block.type === "tool_result" ? decodeResult(block, at) : decodePart(block, at);
        if (decoded === null) throw unsupported(block.type, `${at}.type`, "In a user message, content");
        return decoded;
      });
      return blocks.filter(isVisible);
    },
    assistant(content, param) {
      const blocks = toBlocks<RequestBlock>(content, param).map(([block, at]) => decodeAssistant(block, at));
      return blocks.filter((block) => block !== null).filter(isVisible);
    },
    system: (content, param) =>
      toBlocks<RequestBlock>(content, param).map(([block, at]) => {
        if (block.type !== "text") throw unsupported(block.type, `${at}.type`, "In a system message, content");
        return required(block.text, `${at}.text`);
      }),
    placeOf: (id) => results.get(id) ?? "messages",
  };
}

/** A string is one block of text. Each block comes with its path. */
function toBlocks<T extends RequestPart>(content: string | T[] | undefined, param: string): Array<[T, string]> {
  if (content === undefined) return [];
  if (typeof content === "string") return [[{ type: "text", text: content } as T, param]];
  return content.map((block, index) => [block, `${param}.${index}`]);
}

/** The API refuses texts without a visible character. */
function isVisible(block: { type: string; text?: string }): boolean {
  return block.type !== "text" || block.text?.trim() !== "";
}

function required<T>(value: T | undefined, param: string): T {
  if (value !== undefined) return value;
  throw invalid(`\`${param}\` is required.`, param);
}

/** A type is one of the API's words; what does not look like one may be the prompt itself, and is not repeated. */
function unsupported(type: string, param: string, where: string): OcpError {
  const name = /^[a-z][a-z0-9_]{0,49}$/.test(type) ? `\`${type}\`` : "this name";
  const sentence = `${where} of type ${name} is not supported.`;
  return new OcpError("invalid_request", sentence, { param, reason: "unsupported_content_type" });
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
