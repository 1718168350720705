/** Settings of the log, seen in its files. */

import { expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../harness/processes.ts";
import type { Effect, FakeServer } from "./bench.ts";

const directory = ({ ocp }: FakeServer) => join(ocp.home, ".ocp", "logs");
/** All that is in the files, once a request has brought them up to date. */
const written = async (server: FakeServer) => {
  await fetch(`${server.ocp.url}/logs?n=1`);
  const names = readdirSync(directory(server)).sort();
  return names.map((name) => readFileSync(join(directory(server), name), "utf8")).join("");
};
const knock = async ({ ocp }: FakeServer, times: number) => {
  for (let i = 0; i < times; i++) await fetch(`${ocp.url}/api/hello`);
};
const knocks = (text: string) => text.split("/api/hello").length - 1;

export const logs: Record<string, Effect> = {
  async logLevel({ fake }) {
    const server = await fake();
    await knock(server, 1);
    const before = knocks(await written(server));
    expect(before).toBeGreaterThan(0);
    await server.set({ logLevel: "warn" });
    await knock(server, 3);
    expect(knocks(await written(server))).toBe(before);
    await server.set({ logLevel: "info" });
    await knock(server, 1);
    expect(knocks(await written(server))).toBe(before + 1);
  },

  async logMaxBytes({ fake }) {
    const server = await fake();
    await server.set({ logMaxBytes: 1_000, logKeep: 1_000 });
    const before = readdirSync(directory(server)).length;
    await knock(server, 20);
    await written(server);
    const names = readdirSync(directory(server));
    expect(names.length).toBeGreaterThan(before + 3);
    expect(statSync(join(directory(server), "ocp.log")).size).toBeLessThan(1_500);
    await server.set({ logMaxBytes: 0 });
    const last = await written(server);
    await knock(server, 3);
    expect(await written(server)).toBe(last);
  },

  async logKeep({ fake }) {
    const server = await fake();
    await server.set({ logMaxBytes: 1_000, logKeep: 2 });
    await knock(server, 20);
    await written(server);
    await waitUntil("two older files are left", () => readdirSync(directory(server)).length === 3);
  },
};
