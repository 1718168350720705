/** The simulated API without latency, in a process of its own, so that its work is not the client's or the server's. */

import { startSimulator } from "../src/demo/simulator.ts";
import type { Program, Programs } from "./programs.ts";

/** Some forty words: short, so that what is measured is the way and not the text. */
const answer = "This is the text of an answer. ".repeat(6).trim();

/** A request that offers this tool is answered by a call of it. */
export const benchTool = "look";

/** `onRequest` gets the size in bytes of each request for a message. */
export function startApi(programs: Programs, onRequest: (bytes: number) => void = () => {}): Promise<Program> {
  return programs.start({
    argv: [process.execPath, import.meta.path],
    onMessage: (message) => onRequest((message as { bytes: number }).bytes),
  });
}

if (import.meta.main) {
  const simulator = startSimulator({
    keep: 1,
    scenario: ({ path, bytes, body }) => {
      if (path === "/v1/messages") process.send?.({ bytes });
      const tools = (body?.tools ?? []) as Array<{ name: string }>;
      const calls = tools.some(({ name }) => name === benchTool);
      return { blocks: calls ? [{ type: "tool_use", name: benchTool, input: {} }] : [answer] };
    },
  });
  process.on("disconnect", () => process.exit(0));
  console.log(simulator.url);
}
