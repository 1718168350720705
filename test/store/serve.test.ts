/** The store as part of `ocp serve`, from the source and from the binary, which has the migrations in it. */

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { remainingBackups } from "../../src/store/backups.ts";
import { openStore } from "../../src/store/open.ts";
import { type Ocp, startOcp, type Target, targets } from "../harness/ocp.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { epoch, found, logTo, modesIn, storeFiles } from "./opened.ts";
import { version3Secret, writeVersion3 } from "./version-3.ts";

const secret = version3Secret("laptop");

/** A home whose `.ocp` is filled before a server starts in it. */
async function prepared(fill: (data: string) => void): Promise<{ temp: Temp; data: string }> {
  const temp = await createTemp();
  const data = join(temp.home, ".ocp");
  mkdirSync(data);
  fill(data);
  return { temp, data };
}

/** What it says when it does not start. */
async function refusal(target: Target, temp: Temp): Promise<string> {
  let started: Ocp;
  try {
    started = await startOcp({ target, temp });
  } catch (error) {
    return String(error);
  }
  await started[Symbol.asyncDispose]();
  throw new Error("It started.");
}

describe.each(targets())("ocp serve from %s", (target) => {
  test("keeps its database to its owner, and closes it when it stops", async () => {
    const { temp, data } = await prepared((at) => chmodSync(at, 0o755));
    await using _removed = temp;
    await using ocp = await startOcp({ target, temp });
    expect(modesIn(data)).toEqual({ "ocp.db": "600", "ocp.db-shm": "600", "ocp.db-wal": "600" });
    expect(await ocp.stop()).toBe(0);
    expect(storeFiles(data)).toEqual(["ocp.db"]);
    await using again = await startOcp({ target, temp });
    expect(await again.stop()).toBe(0);
  });

  test("takes over the database of OCP 3, and says so without a secret", async () => {
    const { temp, data } = await prepared((at) => {
      writeVersion3(at, {
        keys: [
          { secret, name: "laptop" },
          { secret: `${secret}2`, name: "laptop" },
        ],
        usage: [{ keyId: 1 }],
      });
      expect(found(at, [secret])).not.toEqual([]);
    });
    await using _removed = temp;
    await using ocp = await startOcp({ target, temp });
    await ocp.said("was taken over");
    await ocp.said("remove it once all is well");
    expect(ocp.stderr()).toContain("laptop -> laptop-2");
    expect(ocp.stderr()).not.toContain(secret);
    expect(found(data, [secret], /\.bak$/)).toEqual([]);
    expect(await ocp.stop()).toBe(0);
    expect(remainingBackups(data)).toHaveLength(1);
    const store = openStore({ directory: data, now: () => epoch, log: logTo([]) });
    expect(store.keys.bySecret(secret)?.name).toBe("laptop");
    store.close();
  });

  test("does not start with what is not its own, and says why in one sentence without a path", async () => {
    const { temp, data } = await prepared((at) => writeFileSync(join(at, "ocp.db"), "a letter to my landlord"));
    await using _removed = temp;
    const said = await refusal(target, temp);
    expect(said).toContain("exited with 1");
    expect(said).toContain("ocp: The database ocp.db is damaged, or no database.");
    expect(said).not.toContain(temp.path);
    expect(await Bun.file(join(data, "ocp.db")).text()).toBe("a letter to my landlord");
  });

  test("as a demo touches no database, be it what it may", async () => {
    const { temp, data } = await prepared((at) => writeVersion3(at, { keys: [{ secret, name: "laptop" }] }));
    await using _removed = temp;
    const before = modesIn(data);
    await using ocp = await startOcp({ target, temp, args: ["--demo"] });
    expect((await fetch(`${ocp.url}/health`)).status).toBe(200);
    expect(await ocp.stop()).toBe(0);
    expect(modesIn(data)).toEqual(before);
    expect(found(data, [secret])).not.toEqual([]);
  });
});
