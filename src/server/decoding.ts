/** What every dialect's decoder is told besides the body: the models, the limits, the operator's prompt. */

import type { DecodeContext } from "../wire/openai-chat/decode.ts";
import type { AppServices } from "./services.ts";

/** To be spread for each request: settings may have changed since the last. */
export function decodingContext({ config, catalog }: AppServices): Omit<DecodeContext, "hints"> {
  return {
    catalog,
    get images() {
      return {
        allowUrl: config.imageAllowUrl,
        maxBytes: config.maxImageBytes,
        maxCount: config.maxImages,
        maxTotalBytes: config.maxImageTotalBytes,
      };
    },
    get systemPrompt() {
      return config.systemPrompt;
    },
  };
}
