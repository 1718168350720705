/** Reading the tables of OCP 3, whose later columns the older of its databases lack. */

import type { Database } from "bun:sqlite";
import { columnsOf } from "../contents.ts";

/** SQL for a column of the table, or `otherwise` where the table has none of this name. */
export function columnsFrom(db: Database, table: string): (name: string, otherwise?: string) => string {
  const present = columnsOf(db, table);
  return (name, otherwise = "null") => (present.includes(name) ? name : otherwise);
}

/** SQL for epoch ms of a text as SQLite's datetime() writes it, in UTC; null when it is none. */
export function epochMs(text: string): string {
  return `max(0, cast(strftime('%s', ${text}) as integer) * 1000)`;
}

/** SQL for a whole number from 0; null stays null. */
export function count(number: string): string {
  return `max(0, cast(${number} as integer))`;
}
