/** Who sees the live conversations, and who ends them. */

import { expect, test } from "bun:test";
import type { SessionInfo } from "../../src/core/ports.ts";
import { serve } from "./served.ts";

const own: SessionInfo = {
  id: "s1",
  pid: 4242,
  principalId: "local",
  model: "claude-sonnet-5-5",
  state: "idle",
  messages: 2,
  turns: 1,
  since: 1_000,
  usedAt: 2_000,
};

test("a caller sees and ends its own conversations", async () => {
  const asked: Array<string | undefined> = [];
  const served = serve({
    sessions: (who) => {
      asked.push(who);
      return [own];
    },
    clearSessions: (who) => {
      asked.push(who);
      return 1;
    },
  });
  await using server = served.listen();
  const list = (await (await fetch(`${server.url}/sessions`)).json()) as any;
  expect(list.sessions).toMatchObject([{ id: "s1", state: "idle", createdAt: "1970-01-01T00:00:01.000Z" }]);
  expect(JSON.stringify(list)).not.toContain("principal");
  expect(await (await fetch(`${server.url}/sessions`, { method: "DELETE" })).json()).toEqual({ cleared: 1 });
  expect(asked).toEqual(["local", "local"]);
});
