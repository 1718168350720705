/** Changed settings outlive the server. */

import { expect, test } from "bun:test";
import { openTemp } from "./opened.ts";

test("settings are kept, replaced and taken back", async () => {
  await using opened = await openTemp();
  const { settings } = opened.store;
  expect(settings.all().size).toBe(0);
  settings.set("timeout", "1000");
  settings.set("cacheTTL", "5");
  settings.set("timeout", "2000");
  settings.set("empty", "");
  settings.unset("cacheTTL");
  settings.unset("never set");
  const kept = [
    ["empty", ""],
    ["timeout", "2000"],
  ];
  expect([...settings.all()]).toEqual(kept as [string, string][]);
  expect([...opened.reopen().settings.all()]).toEqual(kept as [string, string][]);
});
