/** What the database takes, with a million turns of a month in it. */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Store, UsageRow } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open.ts";
import { prepareSums } from "../../src/store/sums.ts";
import { createTemp } from "../../test/harness/temp.ts";
import type { Figure } from "../figure.ts";
import { timed } from "../measure.ts";
import type { Metric } from "../table.ts";

const keys = 20;
const models = 6;
const days = 30;
const day = 86_400_000;
/** In the middle of an hour, so that reports have to read single rows too. */
const end = Date.UTC(2026, 3, 30, 12, 34, 56);
/** Of the key that hardly asks. */
const quiet = `key-${keys}`;

export const store: Figure = async ({ quick }) => {
  const rows = quick ? 20_000 : 1_000_000;
  await using temp = await createTemp();
  const open = () => openStore({ directory: temp.path, now: () => end, log: { info() {}, warn() {}, error() {} } });
  const secrets = createKeys(open());
  fill(join(temp.path, "ocp.db"), rows);
  const opened = open();
  try {
    return await measure(opened, secrets, rows, quick ? 3 : 30);
  } finally {
    opened.close();
  }
};

function createKeys(empty: Store): string[] {
  const secrets = Array.from({ length: keys }, (_, at) => empty.keys.create(`device ${at + 1}`, null).secret);
  empty.close();
  return secrets;
}

/** The hash spreads the rows over keys and models, so that every hour has all of them; the last key has ten rows. */
function fill(path: string, rows: number): void {
  const db = new Database(path, { strict: true });
  db.transaction(() => {
    db.run(`
      insert into usage (at, request_id, principal_id, key_id, name, dialect, model, input, cache_read, cache_write,
        output, thinking, prompt_chars, answer_chars, queued_ms, first_ms, total_ms, outcome, path, cache,
        charged_requests, charged_tokens)
      with recursive numbers (n) as (select 0 union all select n + 1 from numbers limit ${rows}),
        turns as (
          select n, n * 2654435761 % 4294967296 / 65536 as hash, n % ${Math.ceil(rows / 10)} = 0 as quiet from numbers
        ),
        asked as (select *, iif(quiet, ${keys}, 1 + hash % ${keys - 1}) as key from turns)
      select ${end - days * day} + n * ${Math.floor((days * day) / rows)}, printf('req_%024x', n), 'key-' || key, key,
        'device ' || key, 'chat', 'claude-model-' || (hash / 20 % ${models}), 20, 5000, 300, 250, 0, 20000, 1000, 0, 80,
        2000 + hash % 3000, iif(hash % 50 = 0, 'timeout', 'ok'), 'live', 'off', hash % 50 > 0, 5570
      from asked`);
    prepareSums(db)(1, rows);
  }).immediate();
  db.run("pragma wal_checkpoint(truncate)");
  db.close(true);
}

async function measure(opened: Store, secrets: readonly string[], rows: number, times: number): Promise<Metric[]> {
  const { usage } = opened;
  const month = { since: end - days * day, until: end, principalId: null };
  const deep = usage.recent(month, 1, Math.floor(rows / 10))[0]?.id ?? 1;
  const title = `Store with ${rows.toLocaleString("en-US")} turns of ${days} days: `;
  let turn = 0;

  const cases: Array<{ what: string; goal?: string; times: number; run: () => unknown }> = [
    { what: "usage by key", goal: "50", times, run: () => usage.byPrincipal(month) },
    { what: "usage by model", goal: "50", times, run: () => usage.byModel(month) },
    { what: "usage by the hour", goal: "50", times, run: () => usage.timeline(month) },
    {
      what: "usage of one key by model",
      goal: "50",
      times,
      run: () => usage.byModel({ ...month, principalId: "key-7" }),
    },
    {
      what: "usage of one key by the hour",
      goal: "50",
      times,
      run: () => usage.timeline({ ...month, principalId: "key-7" }),
    },
    { what: "hours of each model", goal: "50", times, run: () => usage.series(month, "model") },
    { what: "hours of each key", goal: "50", times, run: () => usage.series(month, "principal") },
    { what: "how long the last 2,000 turns took", goal: "50", times, run: () => usage.times(month, 2_000) },
    {
      what: "the newest 50 turns of a model",
      goal: "50",
      times,
      run: () => usage.recent({ ...month, model: row.model }, 50),
    },
    { what: "the newest 50 that failed", goal: "50", times, run: () => usage.recent({ ...month, failed: true }, 50) },
    { what: "the newest 50 turns", goal: "50", times, run: () => usage.recent(month, 50) },
    { what: "50 turns, deep in the past", goal: "50", times, run: () => usage.recent(month, 50, deep) },
    {
      what: "the newest 50 turns of a quiet key",
      goal: "50",
      times,
      run: () => usage.recent({ ...month, principalId: quiet }, 50),
    },
    {
      what: "admission: a key by its secret, and what it has used",
      goal: "0.2",
      times: times * 100,
      run() {
        const key = opened.keys.bySecret(secrets[turn++ % keys]!);
        return usage.used(key!.id, end);
      },
    },
    {
      what: "recording a turn",
      goal: "0.2",
      times: times * 100,
      run: () => usage.record({ ...row, at: end + turn++ }),
    },
    { what: "forgetting the oldest, one bite", times, run: () => usage.prune(end, 0) },
  ];

  const metrics: Metric[] = [];
  for (const { what, goal, times, run } of cases) {
    run();
    const samples: number[] = [];
    for (let time = 0; time < times; time++) samples.push(await timed(run));
    metrics.push({ title: title + what, unit: "ms", ...(goal && { goal }), rows: [{ by: "ocp", samples }] });
  }
  return metrics;
}

const row: UsageRow = {
  at: end,
  requestId: "req_000000000000000000000000",
  principalId: "key-7",
  keyId: 7,
  name: "device 7",
  dialect: "chat",
  model: "claude-model-1",
  tokens: { input: 20, cacheRead: 5000, cacheWrite: 300, output: 250, thinking: 0 },
  promptChars: 20_000,
  answerChars: 1_000,
  queuedMs: 0,
  firstMs: 80,
  totalMs: 2_500,
  outcome: "ok",
  path: "live",
  reason: null,
  cache: "off",
  charged: { requests: 1, tokens: 5570 },
};
