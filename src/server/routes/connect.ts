/** `GET /connect`: a shell script that points the machine that asks for it to this server. No key is in it. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import { withoutTrailing } from "../../core/text.ts";
import scriptPath from "../connect.sh" with { type: "file" };
import { errorResponses, noSecurity } from "../openapi.ts";

/** `releaseUrl`: where ocp is to be had; null: nowhere that is known. */
export function connectRoutes(releaseUrl: string | null) {
  let template: Promise<string> | null = null;
  return new Elysia({ name: "connect" }).get(
    "/connect",
    async ({ request }) => {
      template ??= Bun.file(scriptPath).text();
      const text = (await template)
        .replace(/^server=''$/m, () => `server='${addressOf(request)}'`)
        .replace(/^release_url=''$/m, () => `release_url='${harmless(withoutTrailing(releaseUrl ?? "", "/"))}'`);
      return new Response(text, {
        headers: { "content-type": "text/x-shellscript; charset=utf-8", "cache-control": "no-store" },
      });
    },
    { detail },
  );
}

/** By which the client has reached the server. Throws OcpError invalid_request for a name that is none. */
function addressOf(request: Request): string {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (!/^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9a-fA-F:.]+\](:\d{1,5})?$/.test(host)) {
    throw new OcpError("invalid_request", "The Host header is no address of a server.");
  }
  // What ends TLS before the server says so; a client could only mislead itself.
  const scheme = request.headers.get("x-forwarded-proto") === "https" ? "https" : "http";
  return `${scheme}://${host}`;
}

/** In a shell's single quotes. */
function harmless(url: string): string {
  return /^https?:\/\/[\w.~:/?#@!$&()*+,;=%[\]-]*$/.test(url) ? url : "";
}

const detail = {
  tags: ["Server"],
  summary: "A script that points a machine to this server",
  description:
    "`curl -fsSL http://<server>/connect | sh`. It runs `ocp connect`, fetches ocp where it can, and else sets the shell's variables. It asks for the key on the terminal; `sh -s -- --undo` takes it back.",
  security: noSecurity,
  responses: {
    "200": {
      description: "The script.",
      content: { "text/x-shellscript": { schema: { type: "string" as const }, example: "#!/bin/sh\n..." } },
    },
    ...errorResponses([
      {
        code: "invalid_request",
        when: "The Host header is none.",
        message: "The Host header is no address of a server.",
      },
    ]),
  },
};
