/**
 * What the comparison is with: a server that starts one `claude` for each request, as the proxies do that came before.
 *
 * It gives the CLI its default tools, its own system prompt on the command line, the conversation as one text on
 * stdin, and passes on each message of the model when it is complete. It runs under Bun, has no queue, no
 * authentication and no log, and answers streaming chat requests only: where it is unfair, then to its own advantage.
 */

import { claudeBinary } from "../test/harness/claude.ts";
import type { Program, Programs } from "./programs.ts";

interface ChatMessage {
  role: string;
  content: string;
}

const wrapper =
  "You are reached through a proxy that offers the chat API. You cannot see the file system of the person who asks, " +
  "so answer from the conversation alone.";
const allowedTools = ["Bash", "Read", "Write", "Edit", "Glob", "Grep", "WebSearch", "WebFetch", "Agent"];

export function startBaseline(programs: Programs, apiUrl: string): Promise<Program> {
  return programs.start({
    argv: [process.execPath, import.meta.path],
    env: { CLAUDE_BIN: claudeBinary(), CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-bench", UPSTREAM_URL: apiUrl },
  });
}

function spawnClaude(model: string, messages: ChatMessage[]) {
  const { CLAUDE_BIN = "", UPSTREAM_URL = "", HOME = "" } = process.env;
  const system = [wrapper, ...messages.filter(({ role }) => role === "system").map(({ content }) => content)];
  const prompt = messages
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => (role === "assistant" ? `[Assistant] ${content}` : content));
  return Bun.spawn(
    [
      ...[CLAUDE_BIN, "--model", model, "--output-format", "stream-json", "--verbose", "--no-session-persistence"],
      ...["--system-prompt", system.join("\n\n"), "--allowedTools", ...allowedTools],
    ],
    {
      cwd: HOME,
      env: {
        ...process.env,
        ANTHROPIC_BASE_URL: UPSTREAM_URL,
        CLAUDE_CODE_DISABLE_CLAUDE_MDS: "1",
        CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
        // Both contenders stay off the network, which would only slow this one down.
        DISABLE_AUTOUPDATER: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      },
      stdin: new Blob([prompt.join("\n\n")]),
      stdout: "pipe",
      stderr: "ignore",
    },
  );
}

/** The chunks of one answer. */
async function* relay(stdout: ReadableStream<Uint8Array>, model: string): AsyncGenerator<string> {
  const head = { id: `chatcmpl-${crypto.randomUUID()}`, object: "chat.completion.chunk", model };
  const created = Math.floor(Date.now() / 1000);
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ ...head, created, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  yield chunk({ role: "assistant" });
  for await (const line of linesOf(stdout)) {
    const event = JSON.parse(line);
    if (event.type === "assistant") {
      for (const block of event.message.content) if (block.type === "text") yield chunk({ content: block.text });
    }
    if (event.type === "result") break;
  }
  yield chunk({}, "stop");
  yield "data: [DONE]\n\n";
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}

if (import.meta.main) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { model, messages } = (await request.json()) as { model: string; messages: ChatMessage[] };
      const child = spawnClaude(model, messages);
      request.signal.addEventListener("abort", () => child.kill());
      const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };
      return new Response(relay(child.stdout, model), { headers });
    },
  });
  console.log(`http://127.0.0.1:${server.port}`);
}
