/** `ocp completions`: the script of a shell, which asks this binary what may come next, so that it is never out of step. */

import { exitCodes, type Host, usageError, write } from "../output.ts";
import { candidates } from "./candidates.ts";

const ask = "ocp completions candidates --";

const scripts: Readonly<Record<string, string>> = {
  bash: `# Put into ~/.bashrc:  eval "$(ocp completions bash)"
_ocp() {
  local IFS=$'\\n'
  COMPREPLY=($(${ask} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _ocp ocp
`,
  zsh: `#compdef ocp
# Put into ~/.zshrc, after compinit:  eval "$(ocp completions zsh)"
_ocp() {
  local -a found
  found=("\${(@f)$(${ask} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found//:/\\\\:}")
  found=("\${(@)found/\t/:}")
  if [[ -n $found[1] ]]; then _describe ocp found; else _files; fi
}
compdef _ocp ocp
`,
  fish: `# Run once:  ocp completions fish >~/.config/fish/completions/ocp.fish
complete -c ocp -f -a '(${ask} (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};

export async function printScript(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const shell = String(args.shell);
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined)
    throw usageError(`There are completions for ${Object.keys(scripts).join(", ")}, not for ${JSON.stringify(shell)}.`);
  await write(host, host.stdout, script);
  return exitCodes.ok;
}

/** A line each: the word, a tab, what it means. */
export async function printCandidates(args: readonly string[], host: Host): Promise<number> {
  const words = args[0] === "--" ? args.slice(1) : args;
  await write(
    host,
    host.stdout,
    candidates(words)
      .map(({ word, about }) => `${word}\t${about}\n`)
      .join(""),
  );
  return exitCodes.ok;
}
