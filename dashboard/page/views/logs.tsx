/** The end of the log, and each line that comes. */

import { useEffect, useState } from "preact/hooks";
import type { Json } from "../api.ts";
import { Card } from "../parts.tsx";
import { whileVisible } from "../stream.ts";

const kept = 500;

export function Logs() {
  const [level, setLevel] = useState("all");
  const [entries, setEntries] = useState<Json[]>([]);
  const [lost, setLost] = useState(false);
  useEffect(() => {
    setEntries([]);
    return whileVisible(
      () => {
        // The stream begins with the last lines, so that after a loss there are none twice.
        let fresh = true;
        const source = new EventSource(`/logs?follow=1&n=100&level=${level}`);
        source.onopen = () => {
          fresh = true;
          setLost(false);
        };
        source.onmessage = ({ data }) => {
          const entry = JSON.parse(data);
          const first = fresh;
          fresh = false;
          setEntries((before) => [...(first ? [] : before), entry].slice(-kept));
        };
        return source;
      },
      () => setLost(true),
    );
  }, [level]);
  return (
    <Card title="Log" wide>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Level{" "}
          <select value={level} onChange={({ currentTarget }) => setLevel(currentTarget.value)}>
            <option value="all">all</option>
            <option value="info">info and worse</option>
            <option value="warn">warn and worse</option>
            <option value="error">error</option>
          </select>
        </label>
        <span role="status">{lost ? "The connection is lost; trying again." : ""}</span>
      </form>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <section class="log scroll" aria-label="Lines of the log" tabIndex={0}>
        {entries.map((entry, at) => (
          <div key={at} class={`line ${entry.level}`}>
            <time>{entry.time}</time> <b>{entry.level}</b> {entry.message}{" "}
            <span class="dim">{JSON.stringify(withoutKnown(entry))}</span>
          </div>
        ))}
      </section>
    </Card>
  );
}

function withoutKnown({ time: _, level: _level, message: _message, ...rest }: Json): Json {
  return rest;
}
