/** The conversations that the server holds: what each has read from the prompt cache, and how often it was rebuilt. */

import { countedReasons } from "../../../src/core/start-reasons.ts";
import type { Json } from "../api.ts";
import { count, fromCache, moment, share, short } from "../format.ts";
import { Card, Facts, Meanings, Table } from "../parts.tsx";

const shown = 50;

/** `of`: the answer of `GET /sessions`, or the `sessions` of `GET /events`, which also says how many there are in all. */
export function Conversations({ of }: { of: Json }) {
  const listed: Json[] = of.sessions ?? [];
  const sessions = listed.toSorted((a, b) => Date.parse(b.lastUsedAt) - Date.parse(a.lastUsedAt)).slice(0, shown);
  const total: number = of.total ?? listed.length;
  const hibernated: number = of.hibernated ?? listed.filter(({ state }) => state === "hibernated").length;
  const showsWhose = sessions.some(({ principal }) => principal !== undefined);
  const reasons = sessions.flatMap(({ ended, rebuilds }) => [ended, ...Object.keys(rebuilds ?? {})]);
  return (
    <Card title="Conversations" wide>
      {total === 0 ? null : (
        <Facts
          rows={[
            ["With a process", count(total - hibernated)],
            ["Hibernated", count(hibernated)],
            ["Read from the prompt cache", fromCache(of.cacheHit ?? share(listed.map(tokensOf)))],
          ]}
        />
      )}
      <Table
        label="Conversations"
        head={[
          ...(showsWhose ? ["Key"] : []),
          ...["From the cache", "Rebuilt", "Model", "State", "Turns", "Read", "Written", "Not cached", "Last used"],
        ]}
        empty="There is none."
        rows={sessions.map((session) => {
          const { input, cache_read: read, cache_write: write } = tokensOf(session);
          return [
            ...(showsWhose ? [session.principal] : []),
            <CacheHits key="hits" of={tokensOf(session)} />,
            countedReasons(session.rebuilds ?? {}) ?? "–",
            session.model,
            session.ended ? `${session.state} (${session.ended})` : session.state,
            session.turns,
            short(read),
            short(write),
            short(input),
            moment(session.lastUsedAt),
          ];
        })}
      />
      {total > shown ? <p class="dim">{count(total - shown)} more, which were used before these.</p> : null}
      <Meanings of={reasons} />
    </Card>
  );
}

function CacheHits({ of }: { of: Record<string, number> }) {
  const part = share([of]);
  if (part === null) return <>–</>;
  const text = fromCache(part);
  return (
    <span class="share">
      <progress max={100} value={Math.floor(100 * part)} aria-label={`From the cache: ${text}`} /> {text}
    </span>
  );
}

/** Where the server is older it tells no tokens. */
const tokensOf = (session: Json): Record<string, number> => session.tokens ?? {};
