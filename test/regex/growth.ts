/**
 * Finds expressions whose time grows faster than their text: by an analysis of the expression (scslre), which sees
 * quantifiers that compete, and by running it over texts made of its own pieces, which sees starts that each read on to
 * the end.
 */

import { type AST, RegExpParser } from "@eslint-community/regexpp";
import { analyse } from "scslre";
import type { RegexLiteral } from "./literals.ts";

/** Why it is too slow; null: its time grows as its text does. */
export function superLinearity({ source, flags }: Pick<RegexLiteral, "source" | "flags">): string | null {
  const [report] = analyse({ source, flags }).reports;
  if (report) return `${report.type}: ${report.exponential ? "exponential" : "polynomial"}`;
  const attack = attacksOn(source, flags).find((text) => isSlowOn(new RegExp(source, flags), text));
  return attack === undefined ? null : `slow on ${JSON.stringify(attack(3))}, repeated`;
}

type Attack = (times: number) => string;

const length = 8_000;
/** A quadratic one takes sixteen times as long for four times the text. */
const factor = 4;
const tooMuch = 8;
/** Below so many ms the machine's noise is all there is. */
const floor = 4;

function isSlowOn(regex: RegExp, attack: Attack): boolean {
  const pieces = Math.ceil(length / attack(1).length);
  const long = attack(pieces * factor);
  if (timeOf(regex, long) < floor) return false;
  const short = attack(pieces);
  // A slow one is slow each time.
  return [1, 2, 3].every(() => growsTooFast(regex, short, long));
}

function growsTooFast(regex: RegExp, short: string, long: string): boolean {
  // The least of several runs: whatever else the machine does only adds.
  const least = (text: string) => Math.min(...[1, 2, 3, 4, 5].map(() => timeOf(regex, text)));
  const [before, after] = [least(short), least(long)];
  return after >= floor && after / Math.max(before, 0.01) > tooMuch;
}

/** Ms of processor time. Replacing runs it from every start, as a global one does. */
function timeOf(regex: RegExp, text: string): number {
  const before = process.cpuUsage();
  text.replace(regex, "");
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Texts of what the beginnings of the expression match, again and again, with an end that it may not want. */
function attacksOn(source: string, flags: string): Attack[] {
  const parser = new RegExpParser();
  const pattern = parser.parsePattern(source, 0, source.length, { unicode: flags.includes("u") });
  const pieces = new Set(beginningsOf(pattern.alternatives).filter((piece) => piece !== ""));
  const tails = ["", "\u0001", "!"];
  return [...pieces].flatMap((piece) => tails.map((tail) => (times: number) => piece.repeat(times) + tail));
}

/** What each beginning of each alternative matches, at every level. */
function beginningsOf(alternatives: readonly AST.Alternative[]): string[] {
  return alternatives.flatMap(({ elements }) => {
    let before = "";
    return elements.flatMap((element) => {
      const own = "alternatives" in element ? beginningsOf(element.alternatives) : [];
      const below =
        element.type === "Quantifier" && "alternatives" in element.element
          ? beginningsOf(element.element.alternatives)
          : [];
      const sample = sampleOf(element);
      before += sample;
      return [before, sample, ...own, ...below, ...[...own, ...below].map((piece) => before + piece)];
    });
  });
}

/** A text that a part of an expression matches. */
function sampleOf(node: AST.Element | AST.QuantifiableElement): string {
  switch (node.type) {
    case "Character":
      return String.fromCodePoint(node.value);
    case "CharacterSet":
    case "CharacterClass": {
      const probe = new RegExp(`^${node.raw}$`, "u");
      return [..."a0 /-_.:=\"'<(\n\t", "\u0007", "\u200b"].find((char) => probe.test(char)) ?? "";
    }
    case "Quantifier":
      return sampleOf(node.element).repeat(Math.max(1, node.min));
    case "Group":
    case "CapturingGroup":
      return (node.alternatives[0]?.elements ?? []).map(sampleOf).join("");
    default:
      return "";
  }
}
