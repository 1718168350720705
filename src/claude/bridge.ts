/**
 * The client's tools as the MCP server that a process believes to talk to. A call is not answered here: it waits until
 * the client brings its result, in this process or, where that is not possible, by replay in another one.
 */

import type { ImageBlock, TextBlock, Tool, ToolResultBlock } from "../core/conversation.ts";
import { cliName, normalisedId } from "./names.ts";
import type { McpHost, McpMessage } from "./process.ts";
import type { HostRequest } from "./protocol.ts";
import { bridgeServers } from "./recipe.ts";
import { createToolSet, type ToolSet } from "./tool-set.ts";

/** What an MCP result may hold without the CLI storing, cutting or flattening it. Characters. */
const longestResult = 499_000;
const longestError = 9_000;
/** The limit that a tool may ask for; the CLI's own is 50,000, and it takes none above. */
const askedResult = 500_000;

export interface Bridge extends McpHost {
  /** Serves these tools from the next listing on, under the other server name; returns that name. */
  offer(tools: ToolSet): string;
  /**
   * Serves these tools under the name that it has; returns the notification that makes the CLI list them, and a promise
   * that resolves once it has. For a process that waits for results: under another name it would give those up.
   */
  replace(tools: ToolSet): { notification: HostRequest; listed: Promise<void> };
  /** Whether these are the very tools that it serves. */
  offers(tools: ToolSet): boolean;
  /**
   * Tells whether the process can change to these tools: the CLI keeps the first definition of a tool, and keeps offering
   * a tool that the model has called.
   */
  takes(tools: ToolSet): boolean;
  /** Tells whether these tools only add to the present ones: while a call waits the CLI removes none (2.1.330). */
  grows(tools: ToolSet): boolean;
  /** The client's name of a tool as the model called it; null: there is none. */
  nameOf(called: string): string | null;
  /** Answers calls, also such as the CLI has yet to make. */
  resolve(results: readonly ToolResultBlock[]): void;
}

/** Whether every one of these results reaches the model through MCP as the client gave it. */
export function passesBridge(results: readonly ToolResultBlock[]): boolean {
  return results.every(({ content, is_error }) => {
    let length = 0;
    for (const block of content) {
      if (block.type === "text") length += block.text.length;
      else if (block.type !== "image" || block.source.type !== "base64" || is_error) return false;
    }
    return length <= (is_error ? longestError : longestResult);
  });
}

export function createBridge(): Bridge {
  let tools: readonly Tool[] = [];
  let names: ReadonlyMap<string, string> = new Map();
  let signature = createToolSet(tools).signature();
  /** The hash of each tool as the CLI first saw it, by name. */
  const seen = new Map<string, string>();
  const calledNames = new Set<string>();
  let servers = 0;
  let server: string = bridgeServers[0];
  let onListed = () => {};
  /** By the call's id, as it is compared. */
  const waiting = new Map<string, (result: ToolResultBlock) => void>();
  const early = new Map<string, ToolResultBlock>();

  const call = async (params: Record<string, unknown>): Promise<object> => {
    const meta = params._meta as Record<string, unknown> | undefined;
    const id = normalisedId(String(meta?.["claudecode/toolUseId"] ?? ""));
    calledNames.add(String(params.name));
    // Without its id a call cannot be told from others, and a crossed result is worse than none.
    if (id === "") return { content: [{ type: "text", text: "The call has no id." }], isError: true };
    const known = early.get(id);
    early.delete(id);
    return mcpResult(known ?? (await new Promise<ToolResultBlock>((resolve) => waiting.set(id, resolve))));
  };

  const respond = (message: McpMessage): Promise<object> | object => {
    switch (message.method) {
      case "initialize":
        return {
          protocolVersion: message.params?.protocolVersion ?? "2025-06-18",
          capabilities: { tools: { listChanged: true } },
          serverInfo: { name: "ocp", version: "1" },
        };
      case "tools/list":
        onListed();
        return { tools: tools.map(mcpTool) };
      case "tools/call":
        return call(message.params ?? {});
      default:
        return {};
    }
  };

  const serve = (next: ToolSet) => {
    tools = next.tools;
    names = new Map(tools.map(({ name }) => [cliName(name), name]));
    signature = next.signature();
    for (const [name, hash] of next.hashes()) seen.set(name, hash);
  };

  return {
    async handle(message) {
      return { jsonrpc: "2.0", id: message.id ?? 0, result: await respond(message) };
    },
    offer(next) {
      serve(next);
      server = bridgeServers[servers++ % bridgeServers.length] as string;
      return server;
    },
    replace(next) {
      serve(next);
      const { promise, resolve } = Promise.withResolvers<void>();
      onListed = resolve;
      const message = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
      return { notification: { subtype: "mcp_message", server_name: server, message }, listed: promise };
    },
    offers: (next) => next.signature() === signature,
    takes(next) {
      const hashes = next.hashes();
      const offered = new Set(next.tools.map(({ name }) => cliName(name)));
      return (
        [...hashes].every(([name, hash]) => (seen.get(name) ?? hash) === hash) &&
        [...calledNames].every((name) => offered.has(name))
      );
    },
    grows(next) {
      const offered = new Set(next.tools.map(({ name }) => name));
      return this.takes(next) && tools.every(({ name }) => offered.has(name));
    },
    nameOf: (called) => names.get(called) ?? null,
    resolve(results) {
      for (const result of results) {
        const id = normalisedId(result.tool_use_id);
        const answer = waiting.get(id);
        waiting.delete(id);
        if (answer) answer(result);
        else early.set(id, result);
      }
    },
  };
}

function mcpTool(tool: Tool): object {
  return {
    name: cliName(tool.name),
    description: tool.description,
    inputSchema: tool.inputSchema,
    // Else the CLI makes its calls one after the other.
    annotations: { readOnlyHint: true },
    _meta: { "anthropic/maxResultSizeChars": askedResult },
  };
}

function mcpResult({ content, is_error }: ToolResultBlock): object {
  const passing = content.filter((block): block is TextBlock | ImageBlock => block.type !== "document");
  return {
    content: passing.map((block) =>
      block.type === "text"
        ? { type: "text", text: block.text }
        : block.source.type === "base64"
          ? { type: "image", data: block.source.data, mimeType: block.source.media_type }
          : { type: "text", text: block.source.url },
    ),
    isError: is_error ?? false,
  };
}
