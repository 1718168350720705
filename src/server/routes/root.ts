/** `/`: an answer for whoever tries the address in a browser, and for clients that knock before they speak. */

import { Elysia } from "elysia";
import { jsonResponse, noSecurity } from "../openapi.ts";

const pointer = "OCP (Open Claude Proxy) is running. The API is under /v1, its documentation at /swagger.\n";
const hello = { message: "hello" };

export function rootRoutes() {
  return new Elysia({ name: "root" })
    .get("/", () => new Response(pointer, { headers: { "content-type": "text/plain; charset=utf-8" } }), {
      detail: {
        tags: ["Server"],
        summary: "A pointer for people",
        security: noSecurity,
        responses: {
          "200": {
            description: "Where the API and its documentation are.",
            content: { "text/plain": { schema: { type: "string" }, example: pointer } },
          },
        },
      },
    })
    .head("/", () => new Response(null), {
      detail: {
        tags: ["Server"],
        summary: "Whether a server listens here",
        security: noSecurity,
        responses: { "200": { description: "It does." } },
      },
    })
    .get("/api/hello", () => Response.json(hello), {
      detail: {
        tags: ["Server"],
        summary: "Whether a server listens here, as Claude Code asks it",
        security: noSecurity,
        responses: { "200": jsonResponse("It does.", hello) },
      },
    })
    .head("/api/hello", () => new Response(null), { detail: { hide: true } });
}
