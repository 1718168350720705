/** What somebody with a key of their own may use, and has used. */

import type { Json } from "../api.ts";
import { count, moment, short, tokens } from "../format.ts";
import { Card, Facts, Gauge, Problem, useData } from "../parts.tsx";
import { Conversations } from "./conversations.tsx";

const periods = ["daily", "weekly", "monthly"] as const;

export function Me() {
  const { data, problem } = useData("/api/me");
  const own = useData("/sessions");
  if (data === null) return <Problem text={problem} />;
  const { quota, today = {} } = data;
  const bars = (of: Json, what: string) =>
    periods.flatMap((period) => {
      const { limit, used, resetsAt } = of?.[period] ?? {};
      if (limit === null || limit === undefined) return [];
      const text = `${short(used)} of ${short(limit)}, anew ${moment(resetsAt)}`;
      return [
        <Gauge key={what + period} label={`${what} ${period}`} share={limit === 0 ? 1 : used / limit} text={text} />,
      ];
    });
  const all = [...bars(quota, "Requests"), ...bars(quota?.tokens, "Tokens")];
  return (
    <>
      <Card title={data.name}>
        <Facts
          rows={[
            ["Role", data.role],
            ["Expires", data.expiresAt === null ? "never" : moment(data.expiresAt)],
            ["Requests today", count(today.requests)],
            ["Tokens today", short(tokens(today.tokens))],
            ["Errors today", count(today.errors)],
          ]}
        />
      </Card>
      <Card title="What is left to you">{all.length === 0 ? <p class="dim">There is no limit.</p> : all}</Card>
      {own.data === null ? <Problem text={own.problem} /> : <Conversations of={own.data} />}
    </>
  );
}
