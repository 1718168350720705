/** The commands that the README tells a newcomer to type. */

/** The command of the README's shell blocks that begins with `npx` and ends with these words, without its comment. */
export function readmeCommand(readme: string, words: string): string {
  const blocks = readme.split("```sh\n").slice(1);
  const lines = blocks.flatMap((block) => block.slice(0, block.indexOf("```")).split("\n"));
  const commands = lines.map((line) => line.replace(/\s+#.*/, "").trim());
  const found = commands.find((command) => command.startsWith("npx ") && command.endsWith(` ${words}`));
  if (found === undefined) throw new Error(`README.md has no command "npx ... ${words}".`);
  return found;
}
