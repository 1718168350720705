/**
 * The tables of `sessions.db`. SQLite overwrites what it deletes, but not the copies of rows that it leaves behind when
 * it moves them between pages. So the contents lie in pieces of one size, of which a page takes one: where a piece was
 * moved away, its page is freed, which is overwritten, or holds another piece in the very same bytes.
 */

import type { Database } from "bun:sqlite";
import type { SessionChange, SessionFile, StoredAnswer, StoredConversation } from "../core/kept-sessions.ts";
import { emptyWal } from "./connection.ts";

/** In the header of the file: "OCPs". */
const applicationId = 0x4f435073;
const version = 1;

export const sessionLayout = ["pragma page_size = 1024", "pragma auto_vacuum = incremental"];
/** Bytes; more than half of a page's, less what SQLite needs in it. */
const pieceSize = 900;
/** Pieces of one answer have ids in a row, below those of the next answer. */
const piecesMax = 2 ** 21;
/** Freed pages that are given back at a time. */
const givenBack = 500;

const tables = `
  create table conversations (
    id text primary key, principal_id text not null, used_at integer not null, note text
  ) strict, without rowid;
  create table answers (
    id integer primary key, print text not null, model text not null, at integer not null,
    bytes integer not null, checksum integer not null
  ) strict;
  create table holdings (
    conversation text not null, answer integer not null, primary key (conversation, answer)
  ) strict, without rowid;
  create index holdings_by_answer on holdings (answer);
  create table pieces (id integer primary key, data blob not null) strict;
  pragma application_id = ${applicationId};
  pragma user_version = ${version};
`;

/** Also one that is still empty. Another version's is none: answers are not worth a migration. */
export function isSessionDatabase(db: Database): boolean {
  const [application, user] = ["application_id", "user_version"].map(
    (pragma) => Object.values(db.query<Record<string, number>, []>(`pragma ${pragma}`).get() ?? {})[0],
  );
  if (application === applicationId && user === version) return true;
  return application === 0 && user === 0 && db.query("select 1 from sqlite_schema").get() === null;
}

export function damage(what: string): Error {
  return new Error(what);
}

export interface SessionTables extends Pick<SessionFile, "read" | "write"> {
  /** Empties the WAL of what was deleted; does nothing while another process reads. */
  clean(): void;
}

/** Makes them where they are missing. All throw what SQLite says; `read` throws `damage` too. */
export function createSessionTables(db: Database): SessionTables {
  if (db.query("select 1 from sqlite_schema").get() === null) db.transaction(() => db.run(tables)).immediate();
  type Row = { id: string; principal_id: string; used_at: number; note: string | null };
  const conversations = db.prepare<Row, []>("select * from conversations order by used_at");
  type AnswerRow = Omit<StoredAnswer, "content"> & { bytes: number; checksum: number };
  const answersOf = db.prepare<AnswerRow, [string]>(
    `select answers.* from holdings join answers on answers.id = holdings.answer
     where conversation = ? order by answers.id`,
  );
  const pieces = db.prepare<{ id: number; data: Uint8Array }, []>("select id, data from pieces order by id");
  const put = db.prepare<null, [string, string, number, string | null]>(
    "insert or replace into conversations values (?, ?, ?, ?)",
  );
  const add = db.prepare<null, [number, string, string, number, number, number]>(
    "insert or ignore into answers values (?, ?, ?, ?, ?, ?)",
  );
  const addPiece = db.prepare<null, [number, Uint8Array]>("insert into pieces values (?, ?)");
  const hold = db.prepare<null, [string, number]>("insert or ignore into holdings values (?, ?)");
  const heldBy = db.prepare<{ answer: number }, [string]>("select answer from holdings where conversation = ?");
  const isHeld = db.prepare<unknown, [number]>("select 1 from holdings where answer = ? limit 1");
  const letGo = db.prepare<null, [string, number]>("delete from holdings where conversation = ? and answer = ?");
  const forget = db.prepare<null, [number]>("delete from answers where id = ?");
  const forgetPieces = db.prepare<null, [number, number]>("delete from pieces where id between ? and ?");
  const remove = db.prepare<null, [string]>("delete from conversations where id = ?");
  /** Deleted content may still stand in the WAL. */
  let unclean = true;

  const range = (answer: number): [number, number] => [answer * piecesMax, (answer + 1) * piecesMax - 1];
  const release = (conversation: string, answer: number) => {
    letGo.run(conversation, answer);
    if (isHeld.get(answer) !== null) return;
    forget.run(answer);
    forgetPieces.run(...range(answer));
    unclean = true;
  };
  const store = (conversation: string, { id, print, model, at, content }: StoredAnswer) => {
    const { changes } = add.run(id, print, model, at, content.length, Bun.hash.crc32(content));
    for (let from = 0; changes > 0 && from < content.length; from += pieceSize) {
      const piece = new Uint8Array(pieceSize);
      piece.set(content.subarray(from, from + pieceSize));
      addPiece.run(id * piecesMax + from / pieceSize, piece);
    }
    hold.run(conversation, id);
  };
  const apply = db.transaction((changes: readonly SessionChange[]) => {
    for (const change of changes) {
      if ("remove" in change) {
        for (const { answer } of heldBy.all(change.remove)) release(change.remove, answer);
        remove.run(change.remove);
        continue;
      }
      if ("release" in change) {
        for (const answer of change.answers) release(change.release, answer);
        continue;
      }
      const { id, principalId, usedAt, note } = change.put;
      put.run(id, principalId, Math.round(usedAt), note === null ? null : JSON.stringify(note));
      for (const answer of change.released) release(id, answer);
      for (const answer of change.added) store(id, answer);
    }
  });
  const clean = () => {
    if (!unclean) return;
    db.run(`pragma incremental_vacuum(${givenBack})`);
    unclean = !emptyWal(db);
  };
  /** All contents in one pass, which takes a tenth of the time of one query for each. */
  const contents = (): Map<number, Uint8Array[]> => {
    const found = new Map<number, Uint8Array[]>();
    for (const { id, data } of pieces.iterate()) {
      const answer = Math.floor(id / piecesMax);
      const before = found.get(answer);
      if (before) before.push(data);
      else found.set(answer, [data]);
    }
    return found;
  };
  const joined = ({ bytes, checksum }: AnswerRow, parts: readonly Uint8Array[]): Uint8Array => {
    const content = new Uint8Array(bytes);
    let at = 0;
    for (const part of parts) {
      content.set(part.subarray(0, bytes - at), at);
      at += part.length;
    }
    if (at < bytes || Bun.hash.crc32(content) !== checksum) throw damage("an answer in it has changed");
    return content;
  };

  return {
    read() {
      /** Answers that several conversations hold are one object. */
      const known = new Map<number, StoredAnswer>();
      const parts = contents();
      const load = (row: AnswerRow): StoredAnswer => {
        const { id, print, model, at } = row;
        const answer = known.get(id) ?? { id, print, model, at, content: joined(row, parts.get(id) ?? []) };
        known.set(id, answer);
        return answer;
      };
      return conversations.all().map(({ id, principal_id: principalId, used_at: usedAt, note }) => ({
        id,
        principalId,
        usedAt,
        note: note === null ? null : (JSON.parse(note) as StoredConversation["note"]),
        answers: answersOf.all(id).map(load),
      }));
    },
    write(changes) {
      apply.immediate(changes);
      clean();
    },
    clean,
  };
}
