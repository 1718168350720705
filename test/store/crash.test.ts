/** Processes that are killed while they write, and two that write at once. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Store } from "../../src/core/store.ts";
import { openStore } from "../../src/store/open.ts";
import { createTemp } from "../harness/temp.ts";
import { startChild } from "./children.ts";
import { epoch, logTo } from "./opened.ts";

const all = { since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null };

function open(directory: string): Store {
  return openStore({ directory, now: () => epoch, log: logTo([]) });
}

function integrityOf(directory: string): unknown {
  const db = new Database(join(directory, "ocp.db"), { readonly: true });
  try {
    return db.query("pragma integrity_check").all();
  } finally {
    db.close(true);
  }
}

test("killed while it records, a process leaves a sound database with every row that it acknowledged", async () => {
  await using temp = await createTemp();
  let acknowledged = 0;
  for (let round = 1; round <= 8; round++) {
    await using child = startChild(temp, "record");
    await child.said(round * 60);
    await child.kill();
    const ids = child.lines();
    acknowledged += ids.length;

    const store = open(temp.path);
    const kept = store.usage
      .recent({ ...all, principalId: `key-${round}` }, 1_000_000)
      .map(({ requestId }) => requestId);
    expect(kept).toEqual(expect.arrayContaining(ids));
    // One more may have been committed, and not said any more.
    expect(kept.length - ids.length).toBeOneOf([0, 1]);
    // Rows, sums and charges are of one transaction.
    expect(store.usage.byPrincipal({ ...all, principalId: `key-${round}` })[0]?.requests).toBe(kept.length);
    expect(store.usage.used(round, epoch).daily).toEqual({ requests: kept.length, tokens: kept.length * 7 });
    store.close();
    expect(integrityOf(temp.path)).toEqual([{ integrity_check: "ok" }]);
  }
  expect(acknowledged).toBeGreaterThanOrEqual(8 * 60);
});

describe("two processes", () => {
  test("make one database together", async () => {
    await using temp = await createTemp();
    const children = [startChild(temp, "open"), startChild(temp, "open"), startChild(temp, "open")];
    const ends = await Promise.all(children.map(async (child) => ({ code: await child.exited, said: child.lines() })));
    expect(ends).toEqual(Array(3).fill({ code: 0, said: ["begin", "done"] }));
    expect(integrityOf(temp.path)).toEqual([{ integrity_check: "ok" }]);
  });

  test("record at once, and no row and no sum is lost", async () => {
    await using temp = await createTemp();
    const children = [startChild(temp, "record", "300"), startChild(temp, "record", "300")];
    const ends = await Promise.all(children.map(async (child) => [await child.exited, await child.stderr()]));
    expect(ends).toEqual([
      [0, ""],
      [0, ""],
    ]);
    const store = open(temp.path);
    expect(store.keys.list().map(({ id }) => id)).toEqual([1, 2]);
    expect(store.usage.byModel(all).map(({ requests }) => requests)).toEqual([600]);
    for (const id of [1, 2]) expect(store.usage.used(id, epoch).daily).toEqual({ requests: 300, tokens: 2100 });
    store.close();
    expect(integrityOf(temp.path)).toEqual([{ integrity_check: "ok" }]);
  });
});
