/** Who has used what, how fast it was, and each single turn. */

import { useMemo, useState } from "preact/hooks";
import { ask, type Json } from "../api.ts";
import { Chart } from "../chart.tsx";
import { bytes, count, fromCache, moment, ms, share, short, tokens } from "../format.ts";
import { Card, Facts, Meanings, Problem, Table, useData } from "../parts.tsx";

const ranges: Array<[label: string, hours: number]> = [
  ["24 hours", 24],
  ["7 days", 168],
  ["30 days", 720],
];
const pageSize = 50;

export function Usage({ admin }: { admin: boolean }) {
  const [hours, setHours] = useState(24);
  const [by, setBy] = useState("model");
  const [what, setWhat] = useState("requests");
  const [model, setModel] = useState("");
  const [failed, setFailed] = useState(false);
  const [key, setKey] = useState("");
  /** Those after the first, of one question: another one has its own. */
  const [older, setOlder] = useState<{ base: string; list: Json[] }>({ base: "", list: [] });
  const [failure, setFailure] = useState<string | null>(null);
  const scope = admin ? "&all=true" : "";
  const filter = `${model === "" ? "" : `&model=${encodeURIComponent(model)}`}${failed ? "&failed=true" : ""}${key === "" ? "" : `&principal=${encodeURIComponent(key)}`}`;
  const base = `/api/usage?hours=${hours}${scope}&by=${admin ? by : "model"}&limit=${pageSize}${filter}`;
  const { data, path, problem } = useData(base);
  const pages = older.base === base ? older.list : [];
  const cache = useData(admin ? "/cache/stats" : null);
  const chart = useMemo(() => curves(data, what, hours), [data, what, hours]);
  if (data === null) return <Problem text={problem} />;

  const turns: Json[] = [data, ...pages].flatMap(({ recent }) => recent ?? []);
  const next = path === base ? (pages.at(-1) ?? data).nextBefore : null;
  const more = () =>
    ask("GET", `${base}&before=${next}`).then(
      (page) => {
        setOlder({ base, list: [...pages, page] });
        setFailure(null);
      },
      (error: Error) => setFailure(error.message),
    );
  const sum = (pick: (row: Json) => number) =>
    (data.byModel ?? []).reduce((all: number, row: Json) => all + pick(row), 0);
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Time{" "}
          <select value={hours} onChange={({ currentTarget }) => setHours(Number(currentTarget.value))}>
            {ranges.map(([label, value]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Show{" "}
          <select value={what} onChange={({ currentTarget }) => setWhat(currentTarget.value)}>
            <option value="requests">requests</option>
            <option value="tokens">tokens</option>
          </select>
        </label>
        {admin ? (
          <label>
            By{" "}
            <select value={by} onChange={({ currentTarget }) => setBy(currentTarget.value)}>
              <option value="model">model</option>
              <option value="key">key</option>
            </select>
          </label>
        ) : null}
      </form>
      <Problem text={problem ?? failure} />
      <Card title={what === "tokens" ? "Tokens by the hour" : "Requests by the hour"} wide>
        {chart.times.length === 0 ? (
          <p class="dim">Nothing in this time.</p>
        ) : (
          <Chart
            label={`${what} by the hour; the tables below have the sums.`}
            times={chart.times}
            lines={chart.lines}
          />
        )}
      </Card>
      <Card title="In all">
        <Facts
          rows={[
            ["Requests", count(sum((row) => row.requests))],
            ["Errors", count(sum((row) => row.errors))],
            ["Tokens", short(sum((row) => tokens(row.tokens)))],
            ["Read from the prompt cache", fromCache(share((data.byModel ?? []).map((row: Json) => row.tokens ?? {})))],
            ["Answered from our cache", count(sum((row) => row.cached ?? 0))],
            ["First piece, half within", ms(data.latency?.first?.p50)],
            ["First piece, 95 % within", ms(data.latency?.first?.p95)],
            ["Whole answer, half within", ms(data.latency?.whole?.p50)],
            ["Whole answer, 95 % within", ms(data.latency?.whole?.p95)],
          ]}
        />
      </Card>
      {admin ? (
        <Card title="By key" wide>
          <Table
            label="Usage by key"
            head={["Key", "Requests", "Errors", "Tokens", "On average", "Last"]}
            rows={(data.byKey ?? []).map((row: Json) => [
              row.key_name,
              count(row.requests),
              count(row.errors),
              short(tokens(row.tokens)),
              ms(row.avg_elapsed_ms),
              moment(row.last_request),
            ])}
          />
        </Card>
      ) : null}
      <Card title="By model" wide>
        <Table
          label="Usage by model"
          head={["Model", "Requests", "Errors", "Tokens", "On average", "Longest"]}
          rows={(data.byModel ?? []).map((row: Json) => [
            row.model,
            count(row.requests),
            count(row.errors),
            short(tokens(row.tokens)),
            ms(row.avg_elapsed_ms),
            ms(row.max_elapsed_ms),
          ])}
        />
      </Card>
      {admin ? <Cache cache={cache} /> : null}
      <Card title="Requests" wide>
        <form class="filters" onSubmit={(event) => event.preventDefault()}>
          <label>
            Model{" "}
            <select value={model} onChange={({ currentTarget }) => setModel(currentTarget.value)}>
              <option value="">all</option>
              {[...new Set([...(data.byModel ?? []).map((row: Json) => row.model), ...(model ? [model] : [])])].map(
                (each) => (
                  <option key={each} value={each}>
                    {each}
                  </option>
                ),
              )}
            </select>
          </label>
          {admin ? (
            <label>
              Key{" "}
              <select value={key} onChange={({ currentTarget }) => setKey(currentTarget.value)}>
                <option value="">all</option>
                {(data.byKey ?? []).map((row: Json) => (
                  <option key={row.principal} value={row.principal}>
                    {row.key_name}
                  </option>
                ))}
              </select>
            </label>
          ) : null}
          <label>
            <input
              type="checkbox"
              checked={failed}
              onChange={({ currentTarget }) => setFailed(currentTarget.checked)}
            />{" "}
            only errors
          </label>
        </form>
        <Table
          label="Requests"
          head={[
            ...["When", "Key", "Model", "API", "Path", "Why"],
            ...["First", "In all", "Tokens", "From the cache", "Outcome", "Request"],
          ]}
          rows={turns.map((turn) => [
            moment(turn.created_at),
            turn.key_name,
            turn.model,
            turn.dialect,
            turn.path ?? turn.cache,
            turn.reason ?? "–",
            ms(turn.first_ms),
            ms(turn.elapsed_ms),
            count(tokens(turn.tokens)),
            turn.path === null ? "–" : fromCache(share([turn.tokens ?? {}])),
            turn.outcome,
            turn.request_id,
          ])}
        />
        <Meanings of={turns.map(({ reason }) => reason)} />
        {next === null || next === undefined ? null : (
          <button type="button" onClick={more}>
            Older ones
          </button>
        )}
        <Counted turns={data.counted ?? []} />
      </Card>
    </>
  );
}

/** Refused and cached ones come by the thousand, so the server lists the first of an hour and counts the rest. */
function Counted({ turns }: { turns: Json[] }) {
  if (turns.length === 0) return null;
  return (
    <>
      <p class="dim">More of the same, which no process answered, by the hour:</p>
      <Table
        label="Counted requests"
        head={["Last", "Key", "Model", "Outcome", "Requests"]}
        rows={turns.map((turn) => [
          moment(turn.last_request),
          turn.key_name,
          turn.model,
          turn.cache === "hit" || turn.cache === "follower" ? `${turn.outcome} (${turn.cache})` : turn.outcome,
          count(turn.requests),
        ])}
      />
    </>
  );
}

function Cache({ cache: { data, problem, again } }: { cache: ReturnType<typeof useData> }) {
  const [said, setSaid] = useState<string | null>(null);
  const clear = async () => {
    const answer = await ask("DELETE", "/cache").catch((error: Error) => ({ said: error.message }));
    setSaid(answer?.said ?? "The cache is empty now.");
    again();
  };
  return (
    <Card title="Response cache">
      <Problem text={problem} />
      <Facts
        rows={[
          ["State", data?.ttl > 0 ? `on, for ${ms(data.ttl)}` : "off"],
          ["Answers", count(data?.entries)],
          ["Size", bytes(data?.sizeBytes)],
          ["Hits", count(data?.totalHits)],
        ]}
      />
      <p>
        <button type="button" onClick={clear}>
          Clear the cache
        </button>{" "}
        <span role="status">{said}</span>
      </p>
    </Card>
  );
}

const most = 6;

/** The lines of the greatest subjects; the others together. */
function curves(data: Json | null, what: string, hours: number) {
  const series: Json[] = data?.series ?? [];
  const value = (row: Json) => (what === "tokens" ? tokens(row.tokens) : row.requests);
  const last = Math.floor(Date.now() / 3_600_000);
  // Hours in which nothing was used are left out of the answer, and not of the curve.
  const times = series.length === 0 ? [] : Array.from({ length: hours + 1 }, (_, at) => (last - hours + at) * 3600);
  const totals = new Map<string, number>();
  for (const row of series) totals.set(row.subject, (totals.get(row.subject) ?? 0) + value(row));
  const ranked = [...totals].sort((a, b) => b[1] - a[1]).map(([subject]) => subject);
  const shown = ranked.length > most ? ranked.slice(0, most - 1) : ranked;
  const named = new Map<string, string>((data?.byKey ?? []).map((row: Json) => [row.principal, row.key_name]));
  const valuesOf = (isOurs: (subject: string) => boolean) => {
    const at = new Map<number, number>();
    for (const row of series) {
      if (!isOurs(row.subject)) continue;
      const time = Date.parse(row.hour) / 1000;
      at.set(time, (at.get(time) ?? 0) + value(row));
    }
    return times.map((time) => at.get(time) ?? 0);
  };
  const lines = shown.map((subject) => ({
    label: named.get(subject) ?? subject,
    values: valuesOf((each) => each === subject),
  }));
  const rest =
    ranked.length > shown.length ? [{ label: "others", values: valuesOf((each) => !shown.includes(each)) }] : [];
  return { times, lines: [...lines, ...rest] };
}
