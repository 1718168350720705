/** A user's machine in a directory of its own, on which clients are connected as the command does it. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { applyClient, type ClientChange, isDone, placeWithout, planClient } from "../../src/connect/change.ts";
import type { Endpoint, ServedModel, Wishes } from "../../src/connect/client.ts";
import { clients } from "../../src/connect/clients/all.ts";
import { configHome } from "../../src/connect/place.ts";
import { type Connection, createRecords } from "../../src/connect/record.ts";
import { takeBack, type Undone, undone } from "../../src/connect/undo.ts";
import { createTemp } from "../harness/temp.ts";

export const key = "ocp_0123456789abcdef";

function model(id: string, name: string): ServedModel {
  return { id, name, contextWindow: 200_000, maxOutput: 32_000, images: true, reasoning: true };
}

export const sonnet = model("claude-sonnet-4-6", "Claude Sonnet 4.6");
export const haiku = model("claude-haiku-4-5", "Claude Haiku 4.5");
export const models = [model("claude-opus-5", "Claude Opus 5"), sonnet, haiku];

export interface Wanted {
  url?: string;
  key?: string | null;
  setDefault?: boolean;
  openclaw?: Wishes["openclaw"];
  isHere?: boolean;
}

export interface Machine extends AsyncDisposable {
  home: string;
  path(file: string): string;
  put(file: string, text: string): void;
  read(file: string): string;
  plan(id: string, wanted?: Wanted): ClientChange;
  /** Throws when the client is not one to be written, or cannot be. */
  connect(id: string, wanted?: Wanted): ClientChange;
  disconnect(): Undone["how"][];
  record(): Connection | null;
}

export async function createMachine(env: Record<string, string> = {}, platform: NodeJS.Platform = "linux") {
  const temp = await createTemp();
  const records = createRecords(configHome(temp.home, env));
  const path = (file: string) => join(temp.home, file);
  const machine: Machine = {
    home: temp.home,
    path,
    put(file, text) {
      mkdirSync(dirname(path(file)), { recursive: true });
      writeFileSync(path(file), text);
    },
    read: (file) => readFileSync(path(file), "utf8"),
    plan(id, wanted = {}) {
      const client = clients.find((each) => each.id === id);
      if (client === undefined) throw new Error(`There is no client ${id}.`);
      const without = placeWithout({ home: temp.home, env, platform }, records.read());
      const { setDefault = false, openclaw = { name: "ocp", role: null } } = wanted;
      return planClient(client, without, endpointOf(wanted), { setDefault, openclaw });
    },
    connect(id, wanted = {}) {
      const change = machine.plan(id, wanted);
      if (change.kind !== "write") throw new Error(`${id}: ${JSON.stringify(change)}`);
      const { url, key: given } = endpointOf(wanted);
      const former = records.read();
      const connection: Connection = { url, key: given, since: 0, files: former?.files ?? [], undo: [] };
      if (!change.changes.every(isDone)) applyClient(change, connection, records);
      return change;
    },
    disconnect() {
      const connection = records.read();
      if (connection === null) return [];
      const how = connection.files.toReversed().map((file) => {
        const plan = undone(file);
        takeBack(plan, connection, records);
        return plan.how;
      });
      records.remove();
      return how;
    },
    record: () => records.read(),
    [Symbol.asyncDispose]: () => temp.remove(),
  };
  return machine;
}

function endpointOf({ url = "http://192.168.1.20:3456", key: given = key, isHere = false }: Wanted): Endpoint {
  return { url, key: given, models, main: sonnet, small: haiku, isHere };
}

/** All files below the home, by their paths from there, but for what Bun keeps of sources that it has run. */
export function filesOf({ home }: Pick<Machine, "home">): Record<string, string> {
  if (!existsSync(home)) return {};
  const names = [...new Bun.Glob("**/*").scanSync({ cwd: home, dot: true, onlyFiles: true })];
  return Object.fromEntries(
    names
      .filter((name) => !name.startsWith(".bun/"))
      .sort()
      .map((name) => [name, readFileSync(join(home, name), "utf8")]),
  );
}
