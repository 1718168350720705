/** Migrations that take a while, so that they can be interrupted. */

import type { Migration } from "../../src/store/migrations/list.ts";

export const rowsPerStep = 5_000;

const fill = (table: string) => `
  insert into ${table} with recursive numbers (n) as (select 1 union all select n + 1 from numbers limit ${rowsPerStep})
  select n, hex(randomblob(50)) from numbers;`;

export const steps: readonly Migration[] = ["a", "b", "c"].map((table) => ({
  name: `000_${table}`,
  sql: `create table ${table} (n integer primary key, text text) strict; ${fill(table)}
    create index ${table}_text on ${table} (text);`,
}));
