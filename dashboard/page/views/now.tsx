/** What runs now, what has just ended, and what went wrong. */

import type { Json } from "../api.ts";
import { bytes, count, fromCache, moment, ms, share, tokens } from "../format.ts";
import { Card, Facts, Meanings, Table, useNow } from "../parts.tsx";
import type { Live } from "../stream.ts";
import { Conversations } from "./conversations.tsx";

export function Now({ live: { state, sessions, ended } }: { live: Live }) {
  // Times of running turns go on between two reports.
  const now = useNow(1000);
  if (state === null) return <p class="loading">Waiting for the server.</p>;
  const { totals = {}, queue = {}, processes = {}, memory = {} } = state;
  const skew = skewOf(state);
  return (
    <>
      <Card title="Server">
        <Facts
          rows={[
            ["State", state.status === "ok" ? "● ok" : "▲ degraded"],
            ["Version", state.version],
            ["Up", state.uptime],
            ["Login", state.login],
            ["Requests", count(totals.total)],
            ["Errors", count(totals.errors)],
            ["Running", count(queue.running)],
            ["Waiting", count(queue.waiting)],
          ]}
        />
      </Card>
      <Card title="Processes">
        <Facts
          rows={[
            ["Running", count(processes.running)],
            ["Waiting for tools", count(processes.parked)],
            ["Conversations", count(processes.live)],
            ["Spare", count(processes.spare)],
            ["Memory", `${bytes(memory.estimate)} of ${bytes(memory.limit)}`],
          ]}
        />
      </Card>
      <Card title="Running and waiting" wide>
        <Table
          label="Running and waiting requests"
          head={["Key", "Model", "Path", "Why", "Time", "Tokens", "Tokens/s"]}
          empty="Nothing runs."
          rows={(state.running ?? []).map((turn: Json) => {
            const elapsed = Math.max(0, now - skew - turn.since);
            const writing = (elapsed - (turn.firstMs ?? elapsed)) / 1000;
            return [
              turn.name,
              turn.model,
              turn.path ?? "waiting",
              turn.reason ?? "–",
              ms(elapsed),
              count(turn.tokens),
              writing > 0.5 ? count(Math.round(turn.tokens / writing)) : "–",
            ];
          })}
        />
      </Card>
      <Card title="Just ended" wide>
        <Table
          label="Turns that have just ended"
          head={["When", "Key", "Model", "Path", "Why", "First", "In all", "Tokens", "From the cache", "Outcome"]}
          rows={ended.map((turn: Json) => [
            moment(turn.created_at),
            turn.key_name,
            turn.model,
            turn.path ?? turn.cache,
            turn.reason ?? "–",
            ms(turn.first_ms),
            ms(turn.elapsed_ms),
            count(tokens(turn.tokens)),
            turn.path === null ? "–" : fromCache(share([turn.tokens ?? {}])),
            turn.outcome,
          ])}
        />
        <Meanings of={[...(state.running ?? []), ...ended].map(({ reason }) => reason)} />
      </Card>
      {sessions === null ? null : <Conversations of={sessions} />}
      <Card title="Last errors" wide>
        <Table
          label="Last errors"
          head={["When", "What", "Model", "Request"]}
          empty="None since the start."
          rows={(state.errors ?? []).map((error: Json) => [moment(error.at), error.code, error.model, error.requestId])}
        />
      </Card>
    </>
  );
}

/** How far this machine's clock is ahead of the server's, in ms. */
function skewOf(state: Json): number {
  return typeof state.now === "number" && typeof state.heard === "number" ? state.heard - state.now : 0;
}
