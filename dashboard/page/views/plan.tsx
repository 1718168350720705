/** How much of the owner's plan is used, and when it starts anew. */

import type { Json } from "../api.ts";
import { Chart } from "../chart.tsx";
import { moment, percent, span } from "../format.ts";
import { Card, Facts, Gauge, Problem, Table, useData, useNow } from "../parts.tsx";

const names: Record<string, string> = { five_hour: "Session (5 hours)", seven_day: "Week" };

export function Plan({ admin, live }: { admin: boolean; live: Json | null }) {
  const { data, problem } = useData(admin ? "/usage?trend=true" : "/usage");
  const now = useNow(30_000);
  if (data === null) return <Problem text={problem} />;
  // What comes with the stream is newer than what was asked for.
  const plan = live ?? data.plan ?? {};
  const { fetchedAt } = live ?? data;
  const windows: Json[] = plan.windows ?? [];
  const gauges = [
    ["Session (5 hours)", plan.currentSession],
    ["Week", plan.weeklyLimits?.allModels],
    ...windows
      .filter(({ name }) => !Object.hasOwn(names, name))
      .map((window) => [String(window.name).replaceAll("_", " "), window] as const),
  ] as Array<[string, Json]>;
  const trend: Json[] = data.trend ?? [];
  const times = trend.map(({ at }) => at / 1000);
  return (
    <>
      <Card title="Used of the plan">
        {gauges.map(([label, window]) => {
          const until = Date.parse(window?.resetsAt ?? "");
          const reset = Number.isNaN(until) ? "" : `, resets in ${span(until - now)} (${moment(until)})`;
          return (
            <Gauge
              key={label}
              label={label}
              share={window?.utilization ?? null}
              text={`${percent(window?.utilization)}${reset}`}
            />
          );
        })}
        {plan.note ? <p class="dim">{plan.note}</p> : null}
        <p class="dim">
          {fetchedAt
            ? `As of ${moment(fetchedAt)} (${span(Math.max(0, now - Date.parse(fetchedAt)))} ago).`
            : "Nothing was said of it yet."}
        </p>
      </Card>
      {admin ? (
        <>
          <Card title="Last seven days" wide>
            {times.length < 2 ? (
              <p class="dim">The curve begins with the second figure.</p>
            ) : (
              <Chart
                label={`Share of the plan's limits over the last seven days. The last: session ${percent(trend.at(-1)?.session)}, week ${percent(trend.at(-1)?.week)}.`}
                times={times}
                max={1}
                lines={[
                  { label: "Session", values: trend.map(({ session }) => session) },
                  { label: "Week", values: trend.map(({ week }) => week) },
                ]}
              />
            )}
          </Card>
          <Card title="Extra usage">
            <Facts
              rows={[
                ["State", plan.extraUsage?.status ?? "unknown"],
                [
                  "Pays now",
                  plan.extraUsage?.inUse === true ? "yes" : plan.extraUsage?.inUse === false ? "no" : "unknown",
                ],
                ["Plan", plan.subscription ?? "unknown"],
              ]}
            />
          </Card>
          <Card title="Refused until it resets">
            <Table
              label="Windows that refuse requests"
              head={["Window", "Models", "Until"]}
              empty="Nothing is refused."
              rows={(plan.refusals ?? []).map((each: Json) => [
                each.window,
                each.models?.join(", ") ?? "all",
                moment(each.resetsAt),
              ])}
            />
          </Card>
        </>
      ) : null}
    </>
  );
}
