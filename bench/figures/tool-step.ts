/** The next step of a tool loop: when the first word comes after the client has sent a call's result. */

import { claudeBinary } from "../../test/harness/claude.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { benchTool, startApi } from "../api.ts";
import { askBare, startBare } from "../bare.ts";
import { model } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";

const steps = 4;
const tool = { type: "function", function: { name: benchTool, parameters: { type: "object", properties: {} } } };

/** Ms to the first event of each step but the first. */
async function loop(url: string, name: string): Promise<number[]> {
  const messages: object[] = [{ role: "user", content: `Loop ${name}.` }];
  const times: number[] = [];
  for (let step = 0; step <= steps; step++) {
    await settle();
    const since = performance.now();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model, messages, tools: [tool], stream: true }),
    });
    let id = "";
    let first: number | null = null;
    const text = await readTimed(response, () => (first ??= performance.now() - since));
    for (const frame of text.split("\n\n")) {
      if (!frame.startsWith("data: {")) continue;
      id = JSON.parse(frame.slice("data: ".length)).choices[0]?.delta.tool_calls?.[0]?.id ?? id;
    }
    if (id === "" || first === null) throw new Error(`The model made no call: ${text.slice(0, 300)}`);
    if (step > 0) times.push(first);
    const call = { id, type: "function", function: { name: benchTool, arguments: "{}" } };
    messages.push({ role: "assistant", content: null, tool_calls: [call] });
    messages.push({ role: "tool", tool_call_id: id, content: `Seen at step ${step}.` });
  }
  return times;
}

async function readTimed(response: Response, onFirst: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes("data: {")) onFirst();
  }
  return text;
}

export const toolStep: Figure = async ({ programs, runs }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using temp = await createTemp();

  const bare = async (name: string) => {
    const claude = startBare({ bin: claudeBinary(), temp, apiUrl: api.url });
    try {
      const times: number[] = [];
      for (let turn = 0; turn <= steps; turn++) {
        await settle();
        const { firstToken } = await askBare(claude, `Turn ${turn} of ${name}.`);
        if (turn > 0) times.push(firstToken);
      }
      return times;
    } finally {
      claude.kill();
      await claude.exited;
    }
  };
  const samples = await alternate<number[]>(
    Math.ceil(runs / steps),
    [(round) => loop(ours.url, `A${round}`), (round) => bare(`B${round}`)],
    settle,
  );
  return [
    {
      title: "Next step of a tool loop: first event",
      unit: "ms",
      goal: "5 ms over the bare CLI's next turn",
      rows: [
        { by: "ocp, the parked process", samples: samples[0]!.flat() },
        { by: "bare CLI, its next turn", samples: samples[1]!.flat() },
      ],
    },
  ];
};
