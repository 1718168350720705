/** The figures for Prometheus, and who reads them. */

import { expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import { noUsage } from "../../src/core/turn.ts";
import { createCounter, createHistogram, renderHistogram, renderSamples } from "../../src/server/prometheus.ts";
import { blockStart, fails, hello, type Script, serve, start, text } from "./served.ts";

const answers: Script = async function* () {
  yield { ...start, path: "live" };
  yield blockStart;
  yield text("Hello");
  const usage = { ...noUsage, input: 10, cacheRead: 200, cacheWrite: 30, output: 4, thinking: 3 };
  yield { type: "end", stop: "end_turn", stopSequence: null, usage };
};

async function metricsOf(served: ReturnType<typeof serve>, headers: Record<string, string> = {}): Promise<string> {
  await using server = served.listen();
  const response = await fetch(`${server.url}/metrics`, { headers });
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  return response.text();
}

test("turns are counted by dialect, model, path, cache and outcome, and tokens by their kind", async () => {
  const served = serve({ script: answers });
  for (let i = 0; i < 3; i++) await served.chat({ ...hello, model: "opus" });
  const metrics = await metricsOf(served);
  const labels = 'dialect="chat",model="claude-opus-5-5",path="live",cache="off",outcome="ok"';
  expect(metrics).toContain(`ocp_turns_total{${labels}} 3\n`);
  for (const [kind, count] of Object.entries({ input: 30, cache_read: 600, cache_write: 90, output: 12 })) {
    expect(metrics).toContain(`ocp_tokens_total{model="claude-opus-5-5",path="live",kind="${kind}"} ${count}\n`);
  }
});

test("turns that a process answered are counted by its path and by why it did not hold the conversation", async () => {
  const starts = [
    { path: "live", reason: null },
    { path: "resumed", reason: "evicted" },
    { path: "resumed", reason: "evicted" },
    { path: "spare", reason: "new" },
  ] as const;
  let turn = 0;
  const served = serve({
    async *script() {
      yield { ...start, ...starts[turn++]! };
      yield blockStart;
      yield text("Hello");
      yield { type: "end", stop: "end_turn", stopSequence: null, usage: noUsage };
    },
  });
  for (const _ of starts) await served.chat(hello);
  const metrics = await metricsOf(served);
  expect(metrics).toContain("# TYPE ocp_turn_starts_total counter\n");
  expect(metrics.match(/^ocp_turn_starts_total\{.*$/gm)).toEqual([
    'ocp_turn_starts_total{path="live",reason="none"} 1',
    'ocp_turn_starts_total{path="resumed",reason="evicted"} 2',
    'ocp_turn_starts_total{path="spare",reason="new"} 1',
  ]);
});

test("times are histograms whose buckets add up", async () => {
  const served = serve({ script: answers });
  for (let i = 0; i < 3; i++) await served.chat(hello);
  const metrics = await metricsOf(served);
  for (const [name, path] of [
    ["queue", ""],
    ["first_token", 'path="live"'],
    ["turn", 'path="live"'],
  ]) {
    const within = path === "" ? "" : `${path},`;
    const buckets = [
      ...metrics.matchAll(new RegExp(`ocp_${name}_seconds_bucket\\{${within}le="([^"]+)"\\} (\\d+)`, "g")),
    ];
    const counts = buckets.map((match) => Number(match[2]));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(buckets.at(-1)?.slice(1)).toEqual(["+Inf", "3"]);
    const own = path === "" ? "" : `{${path}}`;
    expect(metrics).toContain(`ocp_${name}_seconds_count${own} 3\n`);
    expect(metrics).toContain(`ocp_${name}_seconds_sum${own} `);
  }
});

test("failures and refusals are turns of no path, with no tokens", async () => {
  const served = serve({ script: fails(new OcpError("plan_limit", "Used up.")) });
  await served.chat(hello);
  const metrics = await metricsOf(served);
  expect(metrics).toContain('path="none",cache="off",outcome="plan_limit"} 1\n');
  expect(metrics).toContain('ocp_turn_seconds_count{path="none"} 1\n');
  expect(metrics).not.toContain("ocp_tokens_total{");
  expect(metrics).not.toContain("ocp_turn_starts_total{");
  expect(metrics).not.toContain("ocp_first_token_seconds_count");
});

test("what clients make up becomes no series of its own", async () => {
  const served = serve({ script: answers });
  for (let i = 0; i < 20; i++) await served.chat({ ...hello, model: `claude-made-up-${i}` });
  const metrics = await metricsOf(served);
  expect(metrics.match(/^ocp_turns_total\{/gm)).toHaveLength(1);
  expect(metrics).toContain('model="other"');
  expect(metrics).not.toContain("made-up");
});

test("every line is of the text format", async () => {
  const served = serve({ script: answers });
  await served.chat(hello);
  const value = String.raw`-?\d+(\.\d+)?(e-?\d+)?`;
  const sample = new RegExp(`^[a-z_]+(\\{([a-z_]+="[^"\\n]*",?)+\\})? ${value}$`);
  for (const line of (await metricsOf(served)).trimEnd().split("\n")) {
    expect(line).toMatch(line.startsWith("#") ? /^# (HELP|TYPE) [a-z_]+ \S/ : sample);
  }
});

test("with a key of its own the server shows its metrics to nobody who is not the owner", async () => {
  const served = serve({ env: { PROXY_API_KEY: "open-sesame" } });
  await using server = served.listen();
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: "Bearer open-sesame" } });
  expect(response.status).toBe(403);
  expect(await response.text()).not.toContain("ocp_turns");
});

test("the values of labels are escaped", () => {
  const counter = createCounter();
  counter.add({ name: 'a "quoted" \\ path\nand more' });
  expect(renderSamples("x", "counter", "Help.", counter.samples())).toBe(
    '# HELP x Help.\n# TYPE x counter\nx{name="a \\"quoted\\" \\\\ path\\nand more"} 1\n',
  );
});

test("a bucket holds what is at most its bound", () => {
  const histogram = createHistogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 3]) histogram.observe({}, value);
  expect(renderHistogram("x", "Help.", histogram)).toBe(
    '# HELP x Help.\n# TYPE x histogram\nx_bucket{le="1"} 2\nx_bucket{le="2"} 3\nx_bucket{le="+Inf"} 4\nx_sum 6\nx_count 4\n',
  );
});
