/** The server's log on stderr: one line an entry, as `time level message key=value`. */

import { createConsola } from "consola/core";
import type { Log } from "../core/ports.ts";
import { type Host, write } from "./output.ts";

/** The level is `info`, or as CONSOLA_LEVEL says. `now` gives the time of an entry. */
export function createLog(host: Host, now: () => Date = () => new Date()): Log {
  const level = Number(host.env.CONSOLA_LEVEL || 3);
  const consola = createConsola({
    level: Number.isInteger(level) ? level : 3,
    throttle: 0,
    reporters: [
      {
        log({ type, args: [message, fields] }) {
          void write(host, host.stderr, formatEntry(now(), type, String(message), fields as Fields));
        },
      },
    ],
  });
  return {
    info: (message, fields) => consola.info(message, fields),
    warn: (message, fields) => consola.warn(message, fields),
    error: (message, fields) => consola.error(message, fields),
  };
}

type Fields = Readonly<Record<string, unknown>> | undefined;

function formatEntry(time: Date, level: string, message: string, fields: Fields): string {
  const pairs = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
  const words = pairs.map(([key, value]) => `${key}=${formatValue(value)}`);
  return `${[time.toISOString(), level, oneLine(message), ...words].join(" ")}\n`;
}

/** A word as it is, anything else as JSON, so that what a client sent cannot forge a line or a field. */
function formatValue(value: unknown): string {
  const text = value instanceof Error ? `${value.name}: ${value.message}` : value;
  if (typeof text === "string" && /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text)) return text;
  return JSON.stringify(text) ?? "null";
}

function oneLine(message: string): string {
  return message.replace(/\p{Cc}+/gu, " ");
}
