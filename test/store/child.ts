/**
 * A process that works on a store until it is done or killed: `bun child.ts JOB DIRECTORY [ARGUMENT]`. Each line on
 * stdout is a step that is done.
 */

import { Database } from "bun:sqlite";
import { writeSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/core/ports.ts";
import { connect } from "../../src/store/connection.ts";
import { migrate } from "../../src/store/migrate.ts";
import { openStore } from "../../src/store/open.ts";
import { createSessionDisk } from "../../src/store/sessions.ts";
import { usageRow } from "./opened.ts";
import { answer } from "./sessions.ts";
import { steps } from "./steps.ts";

const [job, directory = "", argument = ""] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);
const silent: Log = { info() {}, warn() {}, error() {} };
const open = () => openStore({ directory, now: Date.now, log: silent });

const jobs: Record<string, () => unknown> = {
  /** Opens the store and closes it. */
  open() {
    say("begin");
    open().close();
    say("done");
  },

  /** Opens the store; what looks at the clock or writes to the log for the n-th time does not live on. */
  dieAt() {
    let left = Number(argument);
    const tick = () => {
      if (--left === 0) process.kill(process.pid, "SIGKILL");
      return Date.now();
    };
    openStore({ directory, now: tick, log: { ...silent, info: tick } }).close();
    say("done");
  },

  /** Records usage of a key of its own, `argument` rows or without end, and says each id when it is recorded. */
  record() {
    const store = open();
    const { id } = store.keys.create(`key of ${process.pid}`, null).key;
    const rows = argument === "" ? Number.POSITIVE_INFINITY : Number(argument);
    for (let at = 0; at < rows; at++) {
      const requestId = `${id}-${at}`;
      store.usage.record(
        usageRow({ requestId, principalId: `key-${id}`, keyId: id, charged: { requests: 1, tokens: 7 } }),
      );
      say(requestId);
    }
    store.close();
  },

  /** Records usage until that fails, and says why, how many rows it could record, and how many are there. */
  fill() {
    const store = open();
    let recorded = 0;
    try {
      for (;;) {
        store.usage.record(usageRow({ requestId: "x".repeat(2000) }));
        recorded++;
      }
    } catch (error) {
      say(`${error}`);
    }
    const [model] = store.usage.byModel({ since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null });
    say(`${recorded > 10} ${recorded === model?.requests}`);
    store.close();
  },

  /** Writes answers of conversations of its own without end, and says each one's fingerprint when it is written. */
  keep() {
    const file = createSessionDisk({ directory, log: silent }).open();
    const taken = Math.max(0, ...file.read().flatMap(({ answers }) => answers.map(({ id }) => id)));
    for (let at = 1; ; at++) {
      const print = `${argument}-${at}`;
      const { effort, isFolded, behind, content: blocks } = answer("c", print);
      const content = new TextEncoder().encode(JSON.stringify({ effort, isFolded, behind, content: blocks }));
      const put = { id: `c${print}`, principalId: "ann", usedAt: Date.now(), note: null };
      file.write([{ put, added: [{ id: taken + at, print, model: "m", at: 0, content }], released: [] }]);
      say(print);
    }
  },

  /** Migrates by the steps of the tests. */
  migrate() {
    const db = connect(join(directory, "ocp.db"), 5000);
    say("begin");
    migrate(db, Date.now, steps);
    say("done");
  },

  /** Holds the database: as `argument` says, alone, or open and idle. */
  async hold() {
    const db = new Database(join(directory, "ocp.db"), { readwrite: true, create: false });
    if (argument === "alone") db.run("pragma locking_mode = exclusive");
    db.run("pragma user_version = 3");
    say("held");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    db.close();
  },
};

try {
  await jobs[job ?? ""]?.();
} catch (error) {
  say(`${error}`);
  process.exit(1);
}
