/** `ocp usage`: how much of the plan is used, and what this server has done with it. */

import { resetDate } from "../core/plan.ts";
import { counted, type Fields, fieldsOf, listOf, numberOf, textOf, timeOf } from "./answers.ts";
import { exitCodes, type Host, write } from "./output.ts";
import { ageText, planLines, wrapped } from "./plan-bars.ts";
import { connectRemote } from "./remote.ts";

export async function printPlanUsage(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const body = await connectRemote(args, host).request<unknown>("GET", "/usage", null);
  const text = args.json === true ? `${JSON.stringify(body, null, 2)}\n` : page(fieldsOf(body), host);
  await write(host, host.stdout, text);
  return exitCodes.ok;
}

function page(body: Fields, host: Host): string {
  const plan = fieldsOf(body.plan);
  const subscription = textOf(plan.subscription);
  const title = `Claude plan${subscription === null ? "" : ` (${subscription})`}${ageText(body)}`;
  const table = body.models === undefined ? [] : ["", ...modelTable(fieldsOf(body.models))];
  const proxy = body.proxy === undefined ? [] : ["", proxyLine(fieldsOf(body.proxy))];
  const lines = [title, "", ...planLines(plan, host), ...refusalLines(plan), ...table, ...proxy];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function refusalLines(plan: Fields): string[] {
  return listOf(plan.refusals).flatMap((each) => {
    const { window, models, resetsAt } = fieldsOf(each);
    const named = listOf(models)
      .map(textOf)
      .filter((model) => model !== null);
    const whom = named.length === 0 ? "All requests are" : `Requests for ${named.join(", ")} are`;
    const until = resetDate(timeOf(resetsAt));
    return ["", ...wrapped(`${whom} refused until ${until} (${textOf(window) ?? "unknown"}).`)];
  });
}

interface Sums {
  requests: number;
  successes: number;
  errors: number;
  /** Ms. */
  elapsed: number;
  maxElapsed: number;
  chars: number;
  maxChars: number;
}

/** One row a family of models, and their total: times in seconds, prompts in thousands of characters. */
function modelTable(models: Fields): string[] {
  const families = new Map<string, Sums>();
  const total = none();
  for (const [id, value] of Object.entries(models)) {
    const family = /^claude-([a-z]+)/.exec(id)?.[1] ?? textOf(id) ?? "";
    const sums = families.get(family) ?? none();
    families.set(family, sums);
    for (const each of [sums, total]) add(each, fieldsOf(value));
  }
  if (families.size === 0) return ["No requests since the server started."];
  const rows = [
    ["Model", "Req", "OK", "Er", "AvgT", "MaxT", "AvgP", "MaxP"],
    ...[...families].map(([family, sums]) => row(family.slice(0, 12), sums)),
    row("Total", total),
  ];
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((cells) => cells[at]?.length ?? 0))) ?? [];
  return rows.map(([name = "", ...cells]) =>
    [name.padEnd(widths[0] ?? 0), ...cells.map((cell, at) => cell.padStart(widths[at + 1] ?? 0))].join("  "),
  );
}

const none = (): Sums => ({
  requests: 0,
  successes: 0,
  errors: 0,
  elapsed: 0,
  maxElapsed: 0,
  chars: 0,
  maxChars: 0,
});

function add(sums: Sums, model: Fields): void {
  const of = (name: string) => numberOf(model[name]) ?? 0;
  sums.requests += of("requests");
  sums.successes += of("successes");
  sums.errors += of("errors");
  sums.elapsed += of("avgElapsed") * of("successes");
  sums.maxElapsed = Math.max(sums.maxElapsed, of("maxElapsed"));
  sums.chars += of("avgPromptChars") * of("requests");
  sums.maxChars = Math.max(sums.maxChars, of("maxPromptChars"));
}

function row(name: string, { requests, successes, errors, elapsed, maxElapsed, chars, maxChars }: Sums): string[] {
  const seconds = (ms: number) => (successes === 0 ? "-" : `${(ms / 1000).toFixed(1)}s`);
  const thousands = (count: number) => (requests === 0 ? "-" : `${(count / 1000).toFixed(1)}k`);
  return [
    name,
    ...[requests, successes, errors].map(String),
    seconds(elapsed / successes),
    seconds(maxElapsed),
    thousands(chars / requests),
    thousands(maxChars),
  ];
}

function proxyLine(proxy: Fields): string {
  const { totalRequests, errors, timeouts } = proxy;
  const counts = [counted(totalRequests, "request"), counted(errors, "error"), counted(timeouts, "timeout")];
  return `Server: up ${textOf(proxy.uptime) ?? "unknown"}, ${counts.join(", ")}`;
}
