/** `GET /metrics`: figures in Prometheus' text format, for the admin and who has OCP_METRICS_KEY. */

import { Elysia } from "elysia";
import type { ProcessPath } from "../../core/turn.ts";
import { errorResponses, forbidden, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";
import type { TurnStats, Turns } from "../turns.ts";

export function metricsRoutes({ admission, engine }: AppServices, turns: Turns) {
  return new Elysia({ name: "metrics" }).get(
    "/metrics",
    async () => {
      const { processes } = await engine.status();
      const text = render(turns.stats(), admission.stats(), processes);
      return new Response(text, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
    },
    { detail },
  );
}

type Sample = [labels: Record<string, string>, value: number];

function render(
  stats: TurnStats,
  queue: { running: number; waiting: number; rejected: number },
  processes: Record<string, number>,
): string {
  const byPath = Object.entries(stats.paths) as Array<[ProcessPath, TurnStats["paths"][ProcessPath]]>;
  const tokens = byPath.flatMap(([path, { usage }]): Sample[] => [
    [{ path, kind: "input" }, usage.input],
    [{ path, kind: "cache_read" }, usage.cacheRead],
    [{ path, kind: "cache_write" }, usage.cacheWrite],
    [{ path, kind: "output" }, usage.output],
  ]);
  return [
    metric(
      "ocp_turns_total",
      "counter",
      "Answers, by the kind of process that gave them.",
      byPath.map(([path, { turns }]) => [{ path }, turns]),
    ),
    metric("ocp_tokens_total", "counter", "Tokens of ended answers, by the kind of process.", tokens),
    metric("ocp_turn_errors_total", "counter", "Turns that ended with an error.", [[{}, stats.errors]]),
    metric("ocp_turn_timeouts_total", "counter", "Turns that took longer than CLAUDE_TIMEOUT.", [[{}, stats.timeouts]]),
    metric("ocp_requests_running", "gauge", "Requests that are being answered.", [[{}, queue.running]]),
    metric("ocp_requests_waiting", "gauge", "Requests that wait for a place.", [[{}, queue.waiting]]),
    metric("ocp_requests_rejected_total", "counter", "Requests refused because too many waited.", [
      [{}, queue.rejected],
    ]),
    metric(
      "ocp_processes",
      "gauge",
      "Processes of the claude CLI.",
      Object.entries(processes).map(([state, count]) => [{ state }, count]),
    ),
  ].join("");
}

function metric(name: string, type: "counter" | "gauge", help: string, samples: Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const inner = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
    return `${name}${inner.length > 0 ? `{${inner.join(",")}}` : ""} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

const detail = {
  tags: ["Server"],
  summary: "Figures for Prometheus",
  description: "Turns and tokens by the path that they took: a parked process, a live one, a spare, or a new one.",
  security,
  responses: {
    "200": {
      description: "Prometheus' text format.",
      content: { "text/plain": { schema: { type: "string" as const } } },
    },
    ...errorResponses([unauthorized, forbidden]),
  },
};
