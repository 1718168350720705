/** Migrations: each once, on record, whole or not at all. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { connect } from "../../src/store/connection.ts";
import { appliedIn, migrate } from "../../src/store/migrate.ts";
import { migrations } from "../../src/store/migrations/list.ts";
import { createUsage } from "../../src/store/usage.ts";
import { toColumns } from "../../src/store/usage-row.ts";
import { createTemp } from "../harness/temp.ts";
import { startChild } from "./children.ts";
import { epoch, openTemp, usageRow } from "./opened.ts";
import { rowsPerStep, steps } from "./steps.ts";

const memory = () => connect(":memory:", 0);
const now = () => epoch;

test("every file of the folder is in the list, in the order of its number", () => {
  const folder = join(import.meta.dir, "..", "..", "src", "store", "migrations");
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  expect(migrations.map(({ name }) => `${name}.sql`)).toEqual(files.sort());
  expect(files.every((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))).toBe(true);
});

test("each is on record with its name, its SHA-256 and the time, and the header says whose database it is", async () => {
  await using opened = await openTemp();
  const db = new Database(join(opened.directory, "ocp.db"), { readonly: true });
  const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");
  expect(db.query("select * from migrations").all()).toEqual(
    migrations.map(({ name, sql }) => ({ name, hash: sha256(sql), applied_at: epoch })),
  );
  expect(db.query("pragma application_id").get()).toEqual({ application_id: 0x4f435034 });
  expect(db.query("pragma user_version").get()).toEqual({ user_version: migrations.length });
  db.close();
});

test("those on record are not applied again, later ones are", () => {
  using db = memory();
  migrate(db, now, steps.slice(0, 1));
  db.run("delete from a");
  migrate(db, now, steps);
  migrate(db, now, steps);
  expect(appliedIn(db).map(({ name }) => name)).toEqual(steps.map(({ name }) => name));
  expect(db.query("select count(*) as rows from a").get()).toEqual({ rows: 0 });
});

test("one that fails leaves nothing of itself, and those before it stay", () => {
  using db = memory();
  const broken = { name: "000_broken", sql: "create table broken (x); insert into nowhere values (1);" };
  expect(() => migrate(db, now, [steps[0]!, broken])).toThrow("nowhere");
  expect(appliedIn(db).map(({ name }) => name)).toEqual(["000_a"]);
  expect(db.query("select name from sqlite_schema where name = 'broken'").all()).toEqual([]);
  migrate(db, now, steps);
  expect(appliedIn(db)).toHaveLength(3);
});

test.each([
  {
    what: "its text has changed",
    later: [{ ...steps[0]!, sql: `${steps[0]!.sql} ` }, ...steps.slice(1)],
    says: "another build",
  },
  { what: "its name has changed", later: [{ ...steps[0]!, name: "000_z" }, ...steps.slice(1)], says: "newer version" },
  { what: "it is not known", later: [], says: "newer version" },
])("a database is refused and not changed when a step is on record, and $what", ({ later, says }) => {
  using db = memory();
  migrate(db, now, steps.slice(0, 1));
  const before = db.serialize();
  expect(() => migrate(db, now, later)).toThrow(
    expect.objectContaining({ code: "not_ready", message: expect.stringContaining(says) }),
  );
  expect(db.serialize().equals(before)).toBe(true);
});

test("rows from before the reasons for new processes keep all they say, and have no reason", () => {
  using db = memory();
  migrate(db, now, migrations.slice(0, 3));
  const { reason: _, ...before } = toColumns(usageRow({ path: "new" }));
  const names = Object.keys(before);
  db.query(`insert into usage (${names.join(", ")}) values (${names.map((name) => `$${name}`).join(", ")})`).run(
    before,
  );
  migrate(db, now);
  const usage = createUsage(db, now);
  usage.record(usageRow({ path: "resumed", reason: "expired" }));
  expect(usage.recent({ since: 0, until: epoch + 1, principalId: null }, 10)).toEqual([
    { ...usageRow({ path: "resumed", reason: "expired" }), id: 2 },
    { ...usageRow({ path: "new", reason: null }), id: 1 },
  ]);
});

test("a binary from before the reasons leaves a database with them as it is, and says that it is newer", () => {
  using db = memory();
  migrate(db, now);
  createUsage(db, now).record(usageRow({ path: "resumed", reason: "expired" }));
  const before = db.serialize();
  expect(() => migrate(db, now, migrations.slice(0, 3))).toThrow(
    expect.objectContaining({ code: "not_ready", message: expect.stringContaining("newer version") }),
  );
  expect(db.serialize().equals(before)).toBe(true);
});

describe("killed at any moment", () => {
  /** What is there: steps on record, and rows of each table. */
  function stateOf(directory: string) {
    const db = connect(join(directory, "ocp.db"), 5000);
    try {
      const rows = steps.map(({ name }) => {
        const table = name.slice(-1);
        const there = db.query("select 1 from sqlite_schema where type = 'index' and name = ?").get(`${table}_text`);
        return there === null ? 0 : db.query<{ rows: number }, []>(`select count(*) as rows from ${table}`).get()!.rows;
      });
      const tables = db.query("select name from sqlite_schema where type = 'table' and length(name) = 1").all().length;
      const sound = db.query<{ integrity_check: string }, []>("pragma integrity_check").get()?.integrity_check;
      return { applied: appliedIn(db).length, tables, rows, sound };
    } finally {
      db.close(true);
    }
  }

  test("each step is done or not begun, and the next start goes on", async () => {
    await using whole = await createTemp();
    await Bun.write(join(whole.path, "ocp.db"), "");
    const calm = startChild(whole, "migrate");
    await calm.said(1);
    const began = performance.now();
    await calm.exited;
    const took = performance.now() - began;

    const rounds = 6;
    const seen: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await using temp = await createTemp();
      await Bun.write(join(temp.path, "ocp.db"), "");
      await using child = startChild(temp, "migrate");
      await child.said(1);
      // The moments are spread over the time that it takes.
      await Promise.race([Bun.sleep((took * round) / rounds), child.exited]);
      await child.kill();
      const { applied, tables, rows, sound } = stateOf(temp.path);
      expect({ tables, rows, sound }).toEqual({
        tables: applied,
        rows: steps.map((_, at) => (at < applied ? rowsPerStep : 0)),
        sound: "ok",
      });
      seen.push(applied);
      const db = connect(join(temp.path, "ocp.db"), 5000);
      migrate(db, now, steps);
      db.close(true);
      expect(stateOf(temp.path)).toEqual({ applied: 3, tables: 3, rows: Array(3).fill(rowsPerStep), sound: "ok" });
    }
    // It was killed before its end at least once.
    expect(Math.min(...seen)).toBeLessThan(3);
  });
});
