/** `GET /metrics`: figures in Prometheus' text format, for the admin and who has OCP_METRICS_KEY. */

import { Elysia } from "elysia";
import type { AdmissionStats } from "../../core/admission.ts";
import type { JournalStatus } from "../../core/journal.ts";
import { errorResponses, forbidden, security, unauthorized } from "../openapi.ts";
import { renderHistogram, renderSamples } from "../prometheus.ts";
import type { RequestMemory } from "../request-memory.ts";
import type { AppServices } from "../services.ts";
import type { Figures } from "../turns/figures.ts";
import type { Turns } from "../turns.ts";

export function metricsRoutes(
  { admission, engine, journal }: AppServices,
  turns: Turns,
  memory: Pick<RequestMemory, "held">,
) {
  return new Elysia({ name: "metrics" }).get(
    "/metrics",
    async () => {
      const { processes } = await engine.status();
      const text = [
        ofTurns(turns.figures),
        ofQueue(admission.stats()),
        renderSamples("ocp_request_memory_bytes", "gauge", "Memory that requests are charged for.", [
          [{}, memory.held()],
        ]),
        ofJournal(journal.status()),
        renderSamples(
          "ocp_processes",
          "gauge",
          "Processes of the claude CLI.",
          Object.entries(processes).map(([state, count]) => [{ state }, count]),
        ),
      ].join("");
      return new Response(text, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
    },
    { detail },
  );
}

function ofTurns({ turns, starts, tokens, queue, first, whole, stats }: Figures): string {
  return [
    renderSamples(
      "ocp_turns_total",
      "counter",
      "Turns, by the kind of process that answered (none: no process did) and by how they ended.",
      turns.samples(),
    ),
    renderSamples(
      "ocp_turn_starts_total",
      "counter",
      "Turns that a process answered, by its kind and by why it did not hold the conversation before (none: it did).",
      starts.samples(),
    ),
    renderSamples("ocp_tokens_total", "counter", "Tokens that turns have cost.", tokens.samples()),
    renderHistogram("ocp_queue_seconds", "How long turns that asked a process had waited for a place.", queue),
    renderHistogram("ocp_first_token_seconds", "Time until the first piece of an answer.", first),
    renderHistogram("ocp_turn_seconds", "Time until the end of a turn, however it ended.", whole),
    renderSamples("ocp_turns_active", "gauge", "Turns that wait or run.", [[{}, stats().active]]),
  ].join("");
}

function ofQueue({ running, waiting, rejected }: AdmissionStats): string {
  return [
    renderSamples("ocp_requests_running", "gauge", "Requests that are being answered.", [[{}, running]]),
    renderSamples(
      "ocp_requests_waiting",
      "gauge",
      "Requests that wait for a place, also while the last one is kept free for another caller.",
      [[{}, waiting]],
    ),
    renderSamples("ocp_requests_rejected_total", "counter", "Requests refused because too many waited.", [
      [{}, rejected],
    ]),
  ].join("");
}

function ofJournal({ waiting, lost }: JournalStatus): string {
  return [
    renderSamples("ocp_usage_rows_waiting", "gauge", "Rows of usage that the store has not taken yet.", [
      [{}, waiting],
    ]),
    renderSamples("ocp_usage_rows_lost_total", "counter", "Rows of usage that the store never took.", [[{}, lost]]),
  ].join("");
}

const detail = {
  tags: ["Server"],
  summary: "Figures for Prometheus",
  description:
    "Turns by dialect, model, outcome, cache and the path that they took (a parked process, a live one, a rewound one, a " +
    "resumed one, a spare, a new one); turns by that path and by why they did not go on in a process that held their " +
    "conversation; their tokens; histograms of the wait for a place, of the first piece of an answer, and of the whole turn.",
  security,
  responses: {
    "200": {
      description: "Prometheus' text format.",
      content: { "text/plain": { schema: { type: "string" as const } } },
    },
    ...errorResponses([unauthorized, forbidden]),
  },
};
