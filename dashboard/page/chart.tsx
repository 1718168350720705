/** Curves over time. What they show is also in a table or in words beside them. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Line {
  label: string;
  values: Array<number | null>;
}

interface ChartProps {
  label: string;
  /** Epoch seconds, ascending. */
  times: number[];
  lines: Line[];
  /** The upper end of the scale; what the values need, if it is not said. */
  max?: number;
  bars?: boolean;
}

/** Told apart by their dashes as well. */
const dashes = [[], [6, 4], [2, 3], [10, 3, 2, 3], [1, 4], [12, 6]];

export function Chart({ label, times, lines, max, bars = false }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null || times.length === 0) return;
    const style = getComputedStyle(element);
    const colours = [1, 2, 3, 4, 5, 6].map((number) => style.getPropertyValue(`--line-${number}`).trim());
    const text = style.getPropertyValue("--dim").trim();
    const grid = style.getPropertyValue("--edge").trim();
    const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const size = () => ({ width: Math.max(240, element.clientWidth), height: 200 });
    const paths = bars ? uPlot.paths.bars?.({ size: [0.8, 40] }) : undefined;
    const plot = new uPlot(
      {
        ...size(),
        scales: { y: { range: (_, _least, most) => [0, max ?? Math.max(1, most * 1.1)] } },
        axes: [axis, { ...axis, size: 56 }],
        series: [
          {},
          ...lines.map((line, at) => ({
            label: line.label,
            stroke: colours[at % colours.length] ?? text,
            width: 2,
            ...(bars ? { fill: `${colours[at % colours.length]}99` } : { dash: dashes[at % dashes.length] ?? [] }),
            ...(paths ? { paths } : {}),
          })),
        ],
      },
      [times, ...lines.map(({ values }) => values)],
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, lines, max, bars]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}
