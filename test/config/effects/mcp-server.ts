/** An MCP server over stdin and stdout with one tool, as an owner may have one. */

export {};

for await (const line of console) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const result =
    method === "initialize"
      ? {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: "house", version: "1.0.0" },
        }
      : method === "tools/list"
        ? { tools: [{ name: "lamp", description: "Lights the lamp.", inputSchema: { type: "object" } }] }
        : method === "tools/call"
          ? { content: [{ type: "text", text: "the lamp is lit" }] }
          : {};
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
}
