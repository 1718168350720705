/** How the names and ids of tool calls change on their way to the CLI and back. */

/** The CLI offers no tool of this name, whoever serves it (2.1.197, 2.1.330). */
const aliases: ReadonlyMap<string, string> = new Map([["ToolSearch", "ToolSearch_"]]);

/** The name under which the CLI gets a tool. */
export function cliName(name: string): string {
  return aliases.get(name) ?? name;
}

/** A call's id as it is compared: some clients return nothing but its letters and digits. */
export function normalisedId(id: string): string {
  return id.replace(/[^A-Za-z0-9]/g, "");
}

/** The tool through which the model gives an answer in JSON (output.ts); no client's tool may have its name. */
export const outputTool = "respond_with_json";
