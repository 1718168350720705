/** The kinds of value that a setting can have, and the strict reading of each from text. */

import { OcpError } from "../core/errors.ts";
import { withoutTrailing } from "../core/text.ts";

export type Kind =
  | { kind: "int"; min: number; max: number; unit?: string }
  | { kind: "bool" }
  | { kind: "enum"; values: readonly string[]; refused?: Readonly<Record<string, string>> }
  | { kind: "string"; pattern?: RegExp; form?: string }
  /** A user's own words, of any length and lines: no log shows them. */
  | { kind: "text" }
  | { kind: "path" }
  | { kind: "secret" }
  | { kind: "list"; item?: RegExp; form?: string }
  | { kind: "url" };

/** A value of some setting. */
export type Value = number | boolean | string | string[];

/** The TypeScript type of a kind's values. */
export type ValueOf<K extends Kind> = K extends { kind: "int" }
  ? number
  : K extends { kind: "bool" }
    ? boolean
    : K extends { kind: "enum"; values: readonly (infer V)[] }
      ? V
      : K extends { kind: "list" }
        ? string[]
        : string;

const words: Record<string, boolean> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false,
};

/** What a value must look like, as the end of the sentence "It must be ...". */
export function formOf(kind: Kind): string {
  switch (kind.kind) {
    case "int":
      return `a whole number from ${kind.min} to ${kind.max}${kind.unit ? ` (${kind.unit})` : ""}`;
    case "bool":
      return "true or false (also 1, 0, yes, no, on, off)";
    case "enum":
      return `one of ${kind.values.join(", ")}`;
    case "string":
      return kind.form ?? "text";
    case "text":
      return "a text that is not blank";
    case "path":
      return "a path of a file";
    case "secret":
      return "8 or more printable ASCII characters without spaces";
    case "list":
      return kind.form ?? "words separated by commas";
    case "url":
      return "an http or https URL without user name, query or fragment";
  }
}

/**
 * Reads one value. `label` is how the user calls the setting: its variable or its flag.
 * Throws OcpError invalid_request. Only values that cannot be secrets or paths are quoted in the message.
 */
export function parseValue(kind: Kind, text: string, label: string): Value {
  const value = read(kind, text);
  if (value !== undefined) return value;
  const hint = kind.kind === "enum" && Object.hasOwn(kind.refused ?? {}, text) ? `: ${kind.refused?.[text]}` : "";
  const quoted = kind.kind === "int" || kind.kind === "bool" || kind.kind === "enum";
  const shown = quoted ? ` is ${JSON.stringify(text.slice(0, 40))}` : " has a value that cannot be used";
  throw new OcpError("invalid_request", `${label}${shown}${hint}. It must be ${formOf(kind)}.`, { param: label });
}

function read(kind: Kind, text: string): Value | undefined {
  switch (kind.kind) {
    case "int": {
      const number = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
      return number >= kind.min && number <= kind.max ? number : undefined;
    }
    case "bool": {
      const word = text.toLowerCase();
      return Object.hasOwn(words, word) ? words[word] : undefined;
    }
    case "enum":
      return kind.values.includes(text) ? text : undefined;
    case "string":
      return kind.pattern === undefined || kind.pattern.test(text) ? text : undefined;
    case "text":
      return text.trim() === "" ? undefined : text;
    case "path":
      return text === "" || text.includes("\0") ? undefined : text;
    case "secret":
      return /^[\x21-\x7e]{8,}$/.test(text) ? text : undefined;
    case "list":
      return listOf(text, kind.item);
    case "url":
      return httpUrl(text);
  }
}

function listOf(text: string, item: RegExp | undefined): string[] | undefined {
  const words = text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return words.every((word) => item?.test(word) ?? true) ? words : undefined;
}

function httpUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  return withoutTrailing(url.href, "/");
}
