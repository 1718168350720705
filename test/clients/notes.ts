/**
 * What a client's test needs: our server on the real CLI, a model that calls the client's tool `write_note`, the tool
 * itself, which writes a file, and the check that all of it came about.
 */

import { afterAll, beforeAll, beforeEach, expect } from "bun:test";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { messageRequests, sentMessages, sessionOf } from "../chat/upstream.ts";
import { type Ocp, startOcp, type Target } from "../harness/ocp.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { announcement, callId, callsThenQuotes, finalText } from "./scenario.ts";

/** What the model writes: escapes, and letters of more than one byte, which fragments cut through. */
export const note = { file: "note.txt", text: 'He said "bread",\n\\ täglich 🍞, and left.\n' };
/** What the tool returns. */
export const written = `Wrote "${note.file}": 1 file 🗒\n(done)`;
/** What the model says in the end. */
export const answer = finalText(written);
export const question = "Please keep a note.";
export { announcement };

/** The tool's declaration, for clients that take a JSON schema. */
export const tool = {
  name: "write_note",
  description: "Writes a text to a file of the user's notes.",
  schema: {
    type: "object" as const,
    properties: { file: { type: "string" }, text: { type: "string", description: "All of it." } },
    required: ["file", "text"],
    additionalProperties: false,
  },
};

export interface Notes {
  ocp: Ocp;
  simulator: Simulator;
  /** The tool: writes the file and says so. */
  write(input: { file: string; text: string }): Promise<string>;
  /** The same for arguments in JSON. */
  writeJson(input: string): Promise<string>;
  /** Expects one tool call, in one process, whose result reached the model, and the file that it was to write. */
  expectWritten(): Promise<void>;
}

/** One server for the tests of a describe; each finds no note and no request. */
export function useNotes(target: Target): Notes {
  let temp: Temp;
  let calls = 0;
  const notes = {
    async write({ file, text }) {
      calls++;
      await writeFile(join(temp.path, "notes", file), text, { flag: "wx" });
      return written;
    },
    writeJson: (input) => notes.write(JSON.parse(input)),
    async expectWritten() {
      expect(calls).toBe(1);
      const folder = join(temp.path, "notes");
      expect(await readdir(folder)).toEqual([note.file]);
      expect(await readFile(join(folder, note.file), "utf8")).toBe(note.text);
      expectLoop(notes.simulator);
    },
  } as Notes;

  beforeAll(async () => {
    temp = await createTemp();
    notes.simulator = startSimulator();
    notes.ocp = await startOcp({ target, simulator: notes.simulator, env: { OCP_LIVE_MAX: undefined } });
  });
  beforeEach(async () => {
    calls = 0;
    await rm(join(temp.path, "notes"), { recursive: true, force: true });
    await mkdir(join(temp.path, "notes"));
    notes.simulator.reset();
    notes.simulator.play(
      callsThenQuotes((offered) => (offered.includes(tool.name) ? { name: tool.name, input: note } : undefined)),
    );
  });
  afterAll(async () => {
    await notes.ocp[Symbol.asyncDispose]();
    await notes.simulator.stop();
    await temp.remove();
  });
  return notes;
}

/** The two requests that went upstream: both from one process, the second with the first's call and its result. */
function expectLoop(simulator: Simulator): void {
  const requests = messageRequests(simulator);
  expect(requests).toHaveLength(2);
  expect(new Set(requests.map(sessionOf)).size).toBe(1);
  for (const { body } of requests) {
    expect(body?.tools).toMatchObject([{ name: tool.name, description: tool.description, input_schema: tool.schema }]);
  }
  expect(sentMessages(requests[1]!)).toEqual([
    { role: "user", content: [{ type: "text", text: question }] },
    {
      role: "assistant",
      content: [
        { type: "text", text: announcement },
        { type: "tool_use", id: callId, name: tool.name, input: note },
      ],
    },
    {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: callId, content: [{ type: "text", text: written }] }],
    },
  ] as never);
}
