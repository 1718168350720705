/** Figures in Prometheus' text format (version 0.0.4). */

/** Names of labels are ours; values may be anything. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels: Labels, by?: number): void;
  /** In the order of their first appearance. */
  samples(): Array<[Labels, number]>;
}

export interface Histogram {
  /** In the unit of the bounds. */
  observe(labels: Labels, value: number): void;
  samples(): Array<[Labels, { buckets: readonly number[]; sum: number; count: number }]>;
  readonly bounds: readonly number[];
}

/** The caller sees to it that there are few combinations of labels: each is kept for ever. */
export function createCounter(): Counter {
  const series = new Map<string, [Labels, number]>();
  return {
    add(labels, by = 1) {
      const one = series.get(keyOf(labels));
      if (one) one[1] += by;
      else series.set(keyOf(labels), [labels, by]);
    },
    samples: () => [...series.values()],
  };
}

/** `bounds` ascend; what is greater than all of them is counted all the same. */
export function createHistogram(bounds: readonly number[]): Histogram {
  const series = new Map<string, [Labels, { buckets: number[]; sum: number; count: number }]>();
  return {
    bounds,
    observe(labels, value) {
      const key = keyOf(labels);
      const fresh = () => ({ buckets: bounds.map(() => 0), sum: 0, count: 0 });
      const [, one] = series.get(key) ?? series.set(key, [labels, fresh()]).get(key) ?? [labels, fresh()];
      bounds.forEach((bound, at) => {
        if (value <= bound) one.buckets[at] = (one.buckets[at] ?? 0) + 1;
      });
      one.sum += value;
      one.count++;
    },
    samples: () => [...series.values()],
  };
}

export function renderSamples(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: ReadonlyArray<readonly [Labels, number]>,
): string {
  return head(name, type, help) + samples.map(([labels, value]) => line(name, labels, value)).join("");
}

export function renderHistogram(name: string, help: string, histogram: Histogram): string {
  const lines = histogram
    .samples()
    .map(([labels, { buckets, sum, count }]) =>
      [
        ...histogram.bounds.map((bound, at) =>
          line(`${name}_bucket`, { ...labels, le: String(bound) }, buckets[at] ?? 0),
        ),
        line(`${name}_bucket`, { ...labels, le: "+Inf" }, count),
        line(`${name}_sum`, labels, sum),
        line(`${name}_count`, labels, count),
      ].join(""),
    );
  return head(name, "histogram", help) + lines.join("");
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: Labels, value: number): string {
  const inner = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${inner.length > 0 ? `{${inner.join(",")}}` : ""} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.values(labels));
}
