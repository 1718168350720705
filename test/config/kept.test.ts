/** A setting that was changed while the server ran holds after a restart, as long as it is one that the server takes. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { SettingState } from "../../src/config/live.ts";
import { type Ocp, type OcpOptions, startOcp, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";

const settings = async (ocp: Ocp, init?: RequestInit) =>
  (await (await fetch(`${ocp.url}/settings`, init)).json()) as Record<string, SettingState>;
const patch = (body: object) => ({ method: "PATCH", body: JSON.stringify(body) });

describe.each(targets())("a changed setting (%s)", (target) => {
  test("is kept over a stop and over a kill, unless the environment sets it or it is taken back", async () => {
    await using temp = await createTemp();
    const start = (options: Partial<OcpOptions> = {}) => startOcp({ target, temp, ...options });
    {
      await using ocp = await start();
      await settings(ocp, patch({ timeout: 60_000, maxConcurrent: 3, systemPrompt: "Ünique\nlines." }));
      await ocp.stop();
    }
    {
      await using ocp = await start({ env: { CLAUDE_TIMEOUT: "5000" } });
      expect(await settings(ocp)).toMatchObject({
        timeout: { value: 5_000, source: "environment" },
        maxConcurrent: { value: 3, source: "stored" },
        systemPrompt: { value: "Ünique\nlines.", source: "stored" },
      });
      expect(ocp.stderr()).toContain("setting=timeout by=CLAUDE_TIMEOUT");
      await settings(ocp, patch({ maxConcurrent: null, maxQueue: 2 }));
      await ocp.kill();
    }
    await using ocp = await start();
    expect(await settings(ocp)).toMatchObject({
      timeout: { value: 60_000, source: "stored" },
      maxConcurrent: { value: 8, source: "default" },
      maxQueue: { value: 2, source: "stored" },
    });
  });

  test("that a newer version does not take is the default, and the log says so", async () => {
    await using temp = await createTemp();
    {
      await using ocp = await startOcp({ target, temp });
      await settings(ocp, patch({ timeout: 60_000, maxQueue: 2 }));
      await ocp.stop();
    }
    const db = new Database(join(temp.home, ".ocp", "ocp.db"));
    expect(db.run("update settings set value = '5' where name = 'timeout'").changes).toBe(1);
    db.close();
    await using ocp = await startOcp({ target, temp });
    expect(await settings(ocp)).toMatchObject({
      timeout: { value: 600_000, source: "default" },
      maxQueue: { value: 2, source: "stored" },
    });
    await ocp.said("a stored setting is out of range and does not hold setting=timeout");
  });
});
