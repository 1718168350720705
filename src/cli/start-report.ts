/** What `ocp serve` tells a person when it is up: where it listens, what it found, what to do next. */

import type { Config } from "../config/settings.ts";
import { isLoopback } from "../core/address.ts";
import type { Finding } from "../services.ts";
import { bold, yellow } from "./style.ts";

/** Text for a terminal; `write` takes the colours out for anything else. Holds no secret. */
export function startReport(
  { url, report }: { url: string; report: readonly Finding[] },
  config: Config,
  options: { demo: boolean; version: string },
): string {
  const width = Math.max(...report.map(({ label }) => label.length), 0);
  const found = report.map(({ label, value, problem }) => {
    const line = `${problem === true ? "!" : " "} ${label.padEnd(width)}  ${value}`;
    return problem === true ? yellow(line) : line;
  });
  const lines = [`${bold(`OCP ${options.version}`)} is listening on ${bold(url)}`, "", ...found];
  if (config.authMode === "none" && !isLoopback(config.bind)) {
    lines.push("", yellow("! Whoever reaches this address can use your login. Set PROXY_API_KEY to ask for a key."));
  }
  lines.push("", options.demo ? "Try it (the answers are simulated):" : "Try it:", `  ${tryIt(url, config)}`);
  lines.push("", `API documentation: ${url}/swagger`, "Ctrl-C stops the server.", "");
  return `${lines.join("\n")}\n`;
}

/** A request to paste into a shell that has the key, if one is needed, in its environment. */
function tryIt(url: string, config: Config): string {
  const variable = { none: null, shared: "PROXY_API_KEY", multi: "OCP_KEY" }[config.authMode];
  const key = variable === null ? "" : ` -H "Authorization: Bearer $${variable}"`;
  const body = JSON.stringify({ model: "sonnet", messages: [{ role: "user", content: "Say hello." }] });
  return `curl ${url}/v1/chat/completions${key} -H 'Content-Type: application/json' -d '${body}'`;
}
