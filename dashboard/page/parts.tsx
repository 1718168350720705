/** What several views are made of. */

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { startReasons } from "../../src/core/start-reasons.ts";
import { type ApiError, type Json, read } from "./api.ts";

export interface Loaded {
  data: Json | null;
  /** Whose answer `data` is: while another is awaited, the one before stays. */
  path: string | null;
  problem: string | null;
  again: () => void;
}

/** Asks once, again when the path changes, and when it is told to. */
export function useData(path: string | null): Loaded {
  const [{ data, from }, setData] = useState<{ data: Json | null; from: string | null }>({ data: null, from: null });
  const [problem, setProblem] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((each) => each + 1), []);
  useEffect(() => {
    let current = true;
    if (path === null) return;
    read(path).then(
      (answer) => {
        if (!current) return;
        setData({ data: answer, from: path });
        setProblem(null);
      },
      (error: ApiError) => current && setProblem(error.message),
    );
    return () => {
      current = false;
    };
  }, [path, round]);
  return { data, path: from, problem, again };
}

export function Problem({ text }: { text: string | null }) {
  return text === null ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}

interface CardProps {
  title: string;
  /** It takes the whole width: a table, or a curve. */
  wide?: boolean;
  children: ComponentChildren;
}

export function Card({ title, wide = false, children }: CardProps) {
  return (
    <section class={wide ? "card wide" : "card"}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Facts({ rows }: { rows: Array<[name: string, value: ComponentChildren]> }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface TableProps {
  label: string;
  head: string[];
  rows: ComponentChildren[][];
  empty?: string;
}

/** Scrolls by itself where the screen is narrower, also by the keyboard. */
export function Table({ label, head, rows, empty = "Nothing yet." }: TableProps) {
  if (rows.length === 0) return <p class="dim">{empty}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Says what the reasons mean for which turns did not go on in the process of their conversation, each once. */
export function Meanings({ of: reasons }: { of: ReadonlyArray<string | null | undefined> }) {
  const named = Object.entries(startReasons).filter(([reason]) => reasons.includes(reason));
  if (named.length === 0) return null;
  return (
    <ul class="meanings dim">
      {named.map(([reason, meaning]) => (
        <li key={reason}>
          <b>{reason}</b>: {meaning}
        </li>
      ))}
    </ul>
  );
}

/** How much of a limit is used, in words as well. `share`: null where it is not known. */
export function Gauge({ label, share, text }: { label: string; share: number | null; text: string }) {
  const used = Math.min(1, Math.max(0, share ?? 0));
  const level = share === null ? "unknown" : used >= 0.9 ? "high" : used >= 0.7 ? "warn" : "fine";
  return (
    <div class="gauge">
      <div class="gauge-head">
        <span>{label}</span>
        <strong>{text}</strong>
      </div>
      <progress class={level} max={100} value={Math.round(used * 100)} aria-label={`${label}: ${text}`} />
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** In front of all else; Escape closes it, and the focus is in it. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog ref={element} onClose={onClose} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

export function CopyButton({ text }: { text: string }) {
  const [said, setSaid] = useState("Copy");
  const copy = () => {
    // Without https a browser has no clipboard for pages; what is selected can be copied by hand.
    const write = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
    write.then(
      () => setSaid("Copied"),
      () => setSaid("Select it and copy"),
    );
  };
  return (
    <button type="button" onClick={copy}>
      {said}
    </button>
  );
}

/** Now, every so many ms. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
