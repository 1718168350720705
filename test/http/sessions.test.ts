/** Who sees the live conversations, who ends them, and who reads the figures. */

import { expect, test } from "bun:test";
import type { SessionInfo } from "../../src/core/ports.ts";
import { hello, serve } from "./served.ts";

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

test("the metrics count answers and tokens by the path that they took", async () => {
  const served = serve();
  await using server = served.listen();
  await (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(hello) })).text();
  const response = await fetch(`${server.url}/metrics`);
  expect(response.headers.get("content-type")).toStartWith("text/plain");
  const text = await response.text();
  expect(text).toContain('ocp_turns_total{path="new"} 1\n');
  expect(text).toContain('ocp_turns_total{path="live"} 0\n');
  expect(text).toMatch(/ocp_tokens_total\{path="new",kind="cache_read"\} \d+\n/);
});

test("with a key of its own the server shows its metrics to nobody who is not the owner", async () => {
  const served = serve({ env: { PROXY_API_KEY: "open-sesame" } });
  await using server = served.listen();
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: "Bearer open-sesame" } });
  expect(response.status).toBe(403);
  expect(await response.text()).not.toContain("ocp_turns");
});
