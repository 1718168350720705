/** How much goes upstream for the shortest of questions: what each request costs in prompt, whatever is asked. */

import { claudeBinary } from "../../test/harness/claude.ts";
import { testEnv } from "../../test/harness/env.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { startBaseline } from "../baseline.ts";
import { ask, type Message, model } from "../client.ts";
import type { Figure } from "../figure.ts";
import { startOurs } from "../ours.ts";

const hi: Message[] = [{ role: "user", content: "hi" }];

export const bytes: Figure = async ({ programs }) => {
  let sent = 0;
  await using api = await startApi(programs, (size) => {
    sent += size;
  });
  const sentBy = async (action: () => Promise<unknown>) => {
    sent = 0;
    await action();
    if (sent === 0) throw new Error("Nothing was sent upstream.");
    return [sent];
  };

  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using baseline = await startBaseline(programs, api.url);
  return [
    {
      title: 'Sent upstream for "hi"',
      unit: "bytes",
      goal: "2,600",
      rows: [
        { by: "ocp", samples: await sentBy(() => ask(ours.url, hi)) },
        { by: "a spawn per request", samples: await sentBy(() => ask(baseline.url, hi)) },
        { by: "claude -p hi", samples: await sentBy(() => printMode(api.url)) },
      ],
    },
  ];
};

/** The CLI as a script would call it. */
async function printMode(apiUrl: string): Promise<void> {
  await using temp = await createTemp();
  const child = Bun.spawn([claudeBinary(), "-p", "--model", model, "hi"], {
    cwd: temp.home,
    env: testEnv(temp.home, {
      NODE_ENV: undefined,
      ANTHROPIC_BASE_URL: apiUrl,
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-bench",
      DISABLE_AUTOUPDATER: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    }),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  if ((await child.exited) !== 0) throw new Error("claude -p failed.");
}
