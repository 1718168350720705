/** Routes that clients of OpenAI's API look for and that no Claude model can serve: 404 with the reason. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";

const reasons = {
  "/v1/embeddings": "Claude has no embedding models, so there is no /v1/embeddings here.",
  "/v1/completions": "There is no /v1/completions here: send the prompt to /v1/chat/completions as a user message.",
};

export function absentRoutes() {
  const app = new Elysia({ name: "absent" });
  for (const [path, reason] of Object.entries(reasons)) {
    const refuse = () => {
      throw new OcpError("not_found", reason);
    };
    app.all(path, refuse, { detail: { hide: true } });
  }
  return app;
}
