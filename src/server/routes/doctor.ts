/** `GET /api/doctor`: what `ocp doctor` finds on the server's machine. */

import { Elysia } from "elysia";
import { errorResponses, forbidden, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";

export function doctorRoutes({ doctor }: AppServices) {
  /** All who ask meanwhile get the same report. */
  let running: Promise<unknown> | null = null;
  return new Elysia({ name: "doctor" }).get(
    "/api/doctor",
    async () => {
      running ??= doctor().finally(() => {
        running = null;
      });
      return Response.json(await running, { headers: { "cache-control": "no-store" } });
    },
    { detail },
  );
}

const detail = {
  tags: ["Server"],
  summary: "What `ocp doctor` finds",
  description: "It takes a second or two: every check is made anew, in a process of its own.",
  security,
  responses: {
    "200": jsonResponse("The report, as `ocp doctor --json` prints it.", {
      schema_version: "1",
      ok: true,
      checks: [{ id: "claude", level: "ok", message: "claude 2.1.330" }],
    }),
    ...errorResponses([unauthorized, forbidden]),
  },
};
