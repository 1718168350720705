/** `ocp lan`: where other machines reach the server, and what to type on them. */

import { hostname, networkInterfaces } from "node:os";
import { resolvePaths } from "../config/paths.ts";
import { readServiceEnv } from "../config/service-env.ts";
import { isLoopback } from "../core/address.ts";
import { addressesOf } from "./addresses.ts";
import { fieldsOf, textOf } from "./answers.ts";
import { columns, exitCodes, type Host, write } from "./output.ts";
import { connectRemote, ownUrl } from "./remote.ts";

export async function lan(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const service = readServiceEnv(resolvePaths(host.env).serviceEnv);
  const bind = host.env.CLAUDE_BIND || service.CLAUDE_BIND || "127.0.0.1";
  const { port } = new URL(ownUrl(host));
  const health = fieldsOf(
    await connectRemote({ url: ownUrl(host) }, host, 5_000)
      .request("GET", "/health", null)
      .catch(() => null),
  );
  const mode = textOf(health.authMode);
  const addresses = addressesOf(networkInterfaces(), hostname()).map((each) => ({
    ...each,
    url: urlOf(each.address, port),
  }));
  const warnings = warningsFor({ bind, mode, answers: mode !== null, found: addresses.length > 0 });
  if (args.json === true) {
    await write(
      host,
      host.stdout,
      `${JSON.stringify({ bind, port: Number(port), authMode: mode, addresses, warnings }, null, 2)}\n`,
    );
    return exitCodes.ok;
  }
  const [first] = addresses;
  const rows = addresses.map(({ url, kind, on }) => [
    `  ${url}`,
    kind === "name" ? "by name, where mDNS works" : `${kind}, ${on}`,
  ]);
  const needsKey = mode === "shared" || mode === "multi";
  const lines = [
    ...(first
      ? ["This machine's addresses:", columns(rows), "On another machine:", ...clientLines(first.url, needsKey), ""]
      : []),
    ...warnings.map((warning) => `! ${warning}`),
  ];
  await write(host, host.stdout, `${lines.join("\n")}\n`);
  if (first && (args.qr === true || host.stdout.isTTY === true)) {
    const { renderUnicodeCompact } = await import("uqr");
    await write(host, host.stdout, `\n${renderUnicodeCompact(first.url)}\n`);
  }
  return exitCodes.ok;
}

function urlOf(address: string, port: string): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function clientLines(url: string, needsKey: boolean): string[] {
  const key = needsKey ? "<a key: ocp keys add NAME>" : "none";
  return [
    "  # All IDEs and agents there, where ocp is installed",
    `  ocp connect ${url.replace("http://", "")}`,
    "  # The same where it is not: it is fetched, or the shell alone is set up",
    `  curl -fsSL ${url}/connect | sh`,
    "  # By hand: OpenAI's clients",
    `  export OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY='${key}'`,
    "  # By hand: Claude Code and Anthropic's clients (not on this machine)",
    `  export ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN='${key}'`,
  ];
}

interface Situation {
  bind: string;
  mode: string | null;
  answers: boolean;
  found: boolean;
}

function warningsFor({ bind, mode, answers, found }: Situation): string[] {
  const warnings: string[] = [];
  if (!found) warnings.push("This machine has no address that others could reach.");
  if (!answers) warnings.push("The server does not answer. Start it: ocp start, or ocp serve");
  if (isLoopback(bind))
    warnings.push(
      "It listens to this machine alone. Let the network in, with a key for each device: ocp install --bind 0.0.0.0 --auth-mode multi",
    );
  else if (mode === "none")
    warnings.push("Whoever reaches it can use your login. Ask for a key: ocp install --auth-mode multi");
  return warnings;
}
