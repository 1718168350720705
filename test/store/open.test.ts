/** Opening: whose eyes the files are for, and what is refused, with a sentence and without a change. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { prepareFiles } from "../../src/store/files.ts";
import { openStore } from "../../src/store/open.ts";
import { withOwnMounts } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { createTemp } from "../harness/temp.ts";
import { startChild } from "./children.ts";
import { bytesIn, epoch, logTo, modesIn, openTemp, storeFiles, usageRow } from "./opened.ts";

const open = (directory: string | null) => openStore({ directory, now: () => epoch, log: logTo([]), patience: 0 });

const refused = (message: string | RegExp) =>
  expect.objectContaining({ name: "OcpError", code: "not_ready", message: expect.stringMatching(message) });

/** A database of OCP in the directory, closed, with a key in it. */
function makeOwn(directory: string): void {
  const store = open(directory);
  store.keys.create("laptop", null);
  store.close();
}

/** Runs SQL on `ocp.db` in the directory. */
function alter(directory: string, ...statements: string[]): void {
  const db = new Database(join(directory, "ocp.db"));
  for (const statement of statements) db.run(statement);
  db.close(true);
}

/** The same, and leaves all of it in the WAL as a killed process does. */
function alterAndDie(directory: string, ...statements: string[]): void {
  const scratch = join(directory, "scratch");
  mkdirSync(scratch);
  const path = join(directory, "ocp.db");
  try {
    copyFileSync(path, join(scratch, "ocp.db"));
  } catch {
    // There is none yet.
  }
  const db = new Database(join(scratch, "ocp.db"));
  db.run("pragma journal_mode = wal");
  db.run("pragma wal_autocheckpoint = 0");
  for (const statement of statements) db.run(statement);
  for (const name of ["ocp.db", "ocp.db-wal"]) copyFileSync(join(scratch, name), join(directory, name));
  db.close(true);
  rmSync(scratch, { recursive: true });
}

describe("the files", () => {
  test("are their owner's alone, whatever the umask and however they were before", async () => {
    const umask = process.umask(0);
    try {
      await using opened = await openTemp((directory) => chmodSync(directory, 0o777));
      const own = { "ocp.db": "600", "ocp.db-shm": "600", "ocp.db-wal": "600" };
      expect(modesIn(opened.directory)).toEqual(own);
      expect(
        Bun.file(opened.directory)
          .stat()
          .then(({ mode }) => mode & 0o777),
      ).resolves.toBe(0o700);
    } finally {
      process.umask(umask);
    }
  });

  test("are narrowed at the start, those of a killed process and backups too", async () => {
    await using temp = await createTemp();
    await using child = startChild(temp, "record");
    await child.said(5);
    await child.kill();
    writeFileSync(join(temp.path, "ocp.db.before-4.0-1.bak"), "");
    writeFileSync(join(temp.path, "unrelated"), "");
    for (const name of [...storeFiles(temp.path), "unrelated"]) chmodSync(join(temp.path, name), 0o666);
    const store = open(temp.path);
    expect(Object.entries(modesIn(temp.path)).filter(([, mode]) => mode !== "600")).toEqual([]);
    expect(storeFiles(temp.path)).toContain("ocp.db-wal");
    expect(
      Bun.file(join(temp.path, "unrelated"))
        .stat()
        .then(({ mode }) => mode & 0o777),
    ).resolves.toBe(0o666);
    store.close();
  });

  test("are one when the store is closed, and nothing is written twice", async () => {
    await using opened = await openTemp();
    opened.store.keys.create("laptop", null);
    opened.store.close();
    expect(storeFiles(opened.directory)).toEqual(["ocp.db"]);
    const before = bytesIn(opened.directory);
    open(opened.directory).close();
    expect(bytesIn(opened.directory)).toEqual(before);
  });

  test("may lie in a directory that a symbolic link names", async () => {
    await using temp = await createTemp();
    const link = join(temp.path, "link");
    symlinkSync(temp.home, link);
    makeOwn(link);
    expect(storeFiles(temp.home)).toEqual(["ocp.db"]);
  });

  test("of another user are refused", async () => {
    await using temp = await createTemp();
    const other = (process.getuid?.() ?? 0) + 1;
    expect(() => prepareFiles(temp.path, other)).toThrow(refused(/^The directory .* belongs to another user\./));
  });

  test("do not exist for a store that is to be forgotten", () => {
    const store = open(null);
    const { secret } = store.keys.create("laptop", null);
    expect(store.keys.bySecret(secret)?.name).toBe("laptop");
    store.usage.record(usageRow());
    expect(store.cache.clear()).toBe(0);
    store.close();
    store.close();
  });
});

describe("is refused and left as it is:", () => {
  const newer = /newer version of OCP/;
  const foreign = /another program, and is left as it is/;
  const damaged = /damaged, or no database/;

  const cases: Array<{ what: string; says: RegExp; prepare: (directory: string) => unknown }> = [
    { what: "a text file", says: damaged, prepare: (at) => writeFileSync(join(at, "ocp.db"), "hello\n".repeat(2000)) },
    { what: "a very short file", says: damaged, prepare: (at) => writeFileSync(join(at, "ocp.db"), "x") },
    {
      what: "a database that was cut off",
      says: damaged,
      prepare(at) {
        makeOwn(at);
        truncateSync(join(at, "ocp.db"), 6_000);
      },
    },
    {
      what: "a database whose first page is overwritten",
      says: damaged,
      async prepare(at) {
        makeOwn(at);
        const bytes = new Uint8Array(await Bun.file(join(at, "ocp.db")).arrayBuffer());
        bytes.fill(0xff, 100, 4096);
        writeFileSync(join(at, "ocp.db"), bytes);
      },
    },
    {
      what: "another program's database",
      says: foreign,
      prepare: (at) => alter(at, "create table notes (text)", "insert into notes values ('mine')"),
    },
    {
      what: "another program's database, all of it still in its WAL",
      says: foreign,
      prepare: (at) => alterAndDie(at, "create table notes (text)", "insert into notes values ('mine')"),
    },
    {
      what: "another program's database with an application id",
      says: foreign,
      prepare: (at) => alter(at, "pragma application_id = 252006673"),
    },
    {
      what: "another program's database, empty but for its version",
      says: foreign,
      prepare: (at) => alter(at, "pragma user_version = 3"),
    },
    {
      what: "another program's database that has keys too",
      says: foreign,
      prepare: (at) => alter(at, "create table api_keys (id, key, name)", "create table notes (text)"),
    },
    {
      what: "another program's keys",
      says: foreign,
      prepare: (at) => alter(at, "create table api_keys (id, hash, name)", "create table usage_log (id)"),
    },
    {
      what: "a database of a newer version",
      says: newer,
      prepare(at) {
        makeOwn(at);
        alter(at, "insert into migrations values ('0999_future', 'x', 1)", "create table future (a)");
      },
    },
    {
      what: "a database of a newer version, which is seen in its WAL alone",
      says: newer,
      prepare(at) {
        makeOwn(at);
        alterAndDie(at, "insert into migrations values ('0999_future', 'x', 1)");
      },
    },
    {
      what: "a database with another text of the same migration",
      says: /another build of OCP \(its 0001_initial differs\)/,
      prepare(at) {
        makeOwn(at);
        alter(at, "update migrations set hash = 'x'");
      },
    },
    {
      what: "a symbolic link",
      says: /^ocp\.db is a symbolic link/,
      prepare(at) {
        makeOwn(at);
        renameSync(join(at, "ocp.db"), join(at, "elsewhere"));
        symlinkSync(join(at, "elsewhere"), join(at, "ocp.db"));
      },
    },
    {
      what: "a symbolic link to nothing",
      says: /^ocp\.db is a symbolic link/,
      prepare: (at) => symlinkSync(join(at, "nothing"), join(at, "ocp.db")),
    },
    {
      what: "a symbolic link in the WAL's place",
      says: /^ocp\.db-wal is a symbolic link/,
      prepare(at) {
        makeOwn(at);
        writeFileSync(join(at, "elsewhere"), "");
        symlinkSync(join(at, "elsewhere"), join(at, "ocp.db-wal"));
      },
    },
  ];

  test.each(cases)("$what", async ({ says, prepare }) => {
    await using temp = await createTemp();
    await prepare(temp.path);
    const before = bytesIn(temp.path);
    expect(Object.keys(before).length).toBeGreaterThan(0);
    for (let time = 0; time < 2; time++) expect(() => open(temp.path)).toThrow(refused(says));
    expect(bytesIn(temp.path)).toEqual(before);
  });

  test("a directory in the place of the database", async () => {
    await using temp = await createTemp();
    mkdirSync(join(temp.path, "ocp.db"));
    writeFileSync(join(temp.path, "ocp.db", "mine"), "");
    expect(() => open(temp.path)).toThrow(refused(/^ocp\.db is no file\. Move it away\.$/));
    expect(Bun.file(join(temp.path, "ocp.db", "mine")).exists()).resolves.toBe(true);
  });

  test("a file in the place of the directory, and no directory at all", async () => {
    await using temp = await createTemp();
    writeFileSync(join(temp.path, "file"), "");
    for (const name of ["file", "none"]) {
      expect(() => open(join(temp.path, name))).toThrow(refused(/directory of the database ocp\.db is missing/));
    }
  });

  test("a database that another process holds; when that is gone, it opens", async () => {
    await using temp = await createTemp();
    makeOwn(temp.path);
    await using holder = startChild(temp, "hold", "alone");
    await holder.said(1);
    expect(() => open(temp.path)).toThrow(refused(/^Another program holds the database ocp\.db\./));
    await holder.kill();
    const store = open(temp.path);
    expect(store.keys.list().map(({ name }) => name)).toEqual(["laptop"]);
    store.close();
  });
});

needs("mount namespaces").describe("a disk", () => {
  /** In a name space of its own, with `mount` at the directory. */
  const mounted = (mount: string) => [...withOwnMounts, "sh", "-c", `${mount} && shift && exec "$@"`, "sh", "-"];

  test("that is full at the start is a sentence", async () => {
    await using temp = await createTemp();
    await using child = startChild(temp, "open", "", mounted(`mount -t tmpfs -o size=8k none "${temp.path}"`));
    expect(await child.exited).toBe(1);
    expect(child.lines()).toEqual(["begin", expect.stringMatching(/^OcpError: The disk is full: /)]);
  });

  test("that becomes full is a sentence, and what was recorded stays", async () => {
    await using temp = await createTemp();
    await using child = startChild(temp, "fill", "", mounted(`mount -t tmpfs -o size=2m none "${temp.path}"`));
    expect(await child.exited).toBe(0);
    expect(child.lines()).toEqual([expect.stringMatching(/^OcpError: The disk is full: /), "true true"]);
  });

  test("that cannot be written is a sentence", async () => {
    await using temp = await createTemp();
    makeOwn(temp.path);
    const before = bytesIn(temp.path);
    const readOnly = `mount --bind -o ro "${temp.path}" "${temp.path}" && cd "${temp.path}"`;
    await using child = startChild(temp, "open", "", mounted(readOnly));
    expect(await child.exited).toBe(1);
    expect(child.lines()).toEqual(["begin", expect.stringMatching(/^OcpError: .* must be writable for you\.$/)]);
    expect(bytesIn(temp.path)).toEqual(before);
  });
});
