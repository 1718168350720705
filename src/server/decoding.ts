/** What every dialect's decoder is told besides the body: the models, the limits, the operator's prompt. */

import type { DecodeContext } from "../wire/openai-chat/decode.ts";
import type { AppServices } from "./services.ts";

export function decodingContext({ config, catalog }: AppServices): Omit<DecodeContext, "hints"> {
  return {
    catalog,
    images: {
      allowUrl: config.imageAllowUrl,
      maxBytes: config.maxImageBytes,
      maxCount: config.maxImages,
      maxTotalBytes: config.maxImageTotalBytes,
    },
    systemPrompt: config.systemPrompt,
  };
}
