/** Images and documents as clients send them, in data URLs or by link, and the limits of a request. */

import type { DocumentBlock, ImageBlock, ImageMediaType } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";

export interface ImageLimits {
  /** Whether an image may be named by http(s) URL, which the model's side then fetches. */
  allowUrl: boolean;
  /** Bytes of one image, decoded. */
  maxBytes: number;
  /** Images of one request. */
  maxCount: number;
  /** Bytes of all images of one request, decoded. */
  maxTotalBytes: number;
}

/** Takes the images of one request, one after the other, and holds them to the request's limits. */
export interface ImageIntake {
  /** From a data URL, or an http(s) URL where that is allowed. Throws OcpError with a `reason`. */
  fromUrl(url: string, param: string): ImageBlock;
  /** From a media type and base64. Throws OcpError with a `reason`. */
  fromBase64(mediaType: string, data: string, param: string): ImageBlock;
}

const imageTypes: ReadonlyMap<string, ImageMediaType> = new Map([
  ["image/png", "image/png"],
  ["image/jpeg", "image/jpeg"],
  ["image/jpg", "image/jpeg"],
  ["image/gif", "image/gif"],
  ["image/webp", "image/webp"],
]);

export function createImageIntake(limits: ImageLimits): ImageIntake {
  let count = 0;
  let total = 0;

  const admit = (param: string) => {
    count += 1;
    if (count > limits.maxCount) {
      throw tooLarge("too_many_images", `A request may hold at most ${limits.maxCount} images.`, param);
    }
  };

  const fromBase64 = (mediaType: string, data: string, param: string): ImageBlock => {
    const type = imageTypes.get(mediaType.toLowerCase());
    if (type === undefined) {
      throw refused("unsupported_image_type", "Images must be PNG, JPEG, GIF or WebP.", param);
    }
    admit(param);
    const bytes = decodedBytes(data, param);
    // The CLI replaces what is no image by a sentence, and the model would answer to that.
    if (!looksLikeImage(data)) {
      throw refused("invalid_data_uri", "The data is no PNG, JPEG, GIF or WebP image.", param);
    }
    if (bytes > limits.maxBytes) {
      throw tooLarge("image_too_large", `An image may have at most ${limits.maxBytes} bytes.`, param);
    }
    total += bytes;
    if (total > limits.maxTotalBytes) {
      const sentence = `The images of a request may have at most ${limits.maxTotalBytes} bytes together.`;
      throw tooLarge("images_too_large", sentence, param);
    }
    return { type: "image", source: { type: "base64", media_type: type, data } };
  };

  return {
    fromBase64,
    fromUrl(url, param) {
      if (isDataUrl(url)) {
        const { mediaType, data } = readDataUrl(url, param);
        return fromBase64(mediaType, data, param);
      }
      checkLink(url, "image", limits, param);
      admit(param);
      return { type: "image", source: { type: "url", url } };
    },
  };
}

/** Whether the data begins as one of the four formats does; which of them the CLI finds out by itself. */
function looksLikeImage(base64: string): boolean {
  const head = Buffer.from(base64.slice(0, 16), "base64").toString("latin1");
  return (
    head.startsWith("\x89PNG\r\n\x1a\n") ||
    head.startsWith("\xff\xd8\xff") ||
    head.startsWith("GIF8") ||
    (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP")
  );
}

/** A PDF from a data URL. Throws OcpError `invalid_request` for anything else. */
export function decodeDocument(url: string, title: string | undefined, param: string): DocumentBlock {
  const { mediaType, data } = readDataUrl(url, param);
  return { type: "document", source: pdfSource(mediaType, data, param), ...(title ? { title } : {}) };
}

/** A PDF's source from its media type and base64. Throws OcpError `invalid_request` for anything else. */
export function pdfSource(mediaType: string, data: string, param: string): DocumentBlock["source"] {
  if (mediaType.toLowerCase() !== "application/pdf") {
    throw refused("unsupported_file_type", "Files must be PDF documents; send text as text.", param);
  }
  decodedBytes(data, param);
  return { type: "base64", media_type: "application/pdf", data };
}

/** Whether a link may be handed to the model's side, which fetches it. Throws OcpError with a `reason`. */
export function checkLink(
  url: string,
  what: "image" | "document",
  { allowUrl }: Pick<ImageLimits, "allowUrl">,
  param: string,
): void {
  const article = what === "image" ? "An image" : "A document";
  const protocol = URL.parse(url)?.protocol;
  if (protocol === undefined) {
    const sentence = `${article} must be given as data or by an absolute URL.`;
    throw refused(`invalid_${what}_url`, sentence, param);
  }
  if (protocol !== "http:" && protocol !== "https:") {
    throw refused("unsupported_url_scheme", `${article}'s URL must begin with data:, http: or https:.`, param);
  }
  if (!allowUrl) {
    throw refused("remote_url_disabled", `This server takes no ${what}s by URL; send them as data.`, param);
  }
}

function isDataUrl(url: string): boolean {
  return /^data:/i.test(url);
}

function readDataUrl(url: string, param: string): { mediaType: string; data: string } {
  const comma = url.indexOf(",");
  const [mediaType = "", ...attributes] = url.slice("data:".length, Math.max(comma, 0)).split(";");
  if (!isDataUrl(url) || mediaType === "" || attributes.at(-1)?.trim().toLowerCase() !== "base64") {
    throw refused("invalid_data_uri", "A data URL must have the form data:<media type>;base64,<data>.", param);
  }
  return { mediaType: mediaType.trim(), data: url.slice(comma + 1) };
}

function decodedBytes(base64: string, param: string): number {
  if (base64.length === 0 || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw refused("invalid_data_uri", "The data is not valid base64.", param);
  }
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

function refused(reason: string, sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param, reason });
}

function tooLarge(reason: string, sentence: string, param: string): OcpError {
  return new OcpError("body_too_large", sentence, { param, reason });
}
