/** The brake on clients that repeat themselves without end. */

import { expect, test } from "bun:test";
import { createBrake } from "../../src/core/brake.ts";
import type { OcpError } from "../../src/core/errors.ts";

function storm(limit: number) {
  let time = 0;
  const brake = createBrake(
    () => limit,
    () => time,
  );
  return {
    /** Asks and is answered; returns the wait, or the error. */
    ask(request = "same", who = "ann", pause = 10): number | OcpError {
      time += pause;
      try {
        const wait = brake.check(who, request);
        time += wait;
        brake.answered(who, request);
        return wait;
      } catch (error) {
        return error as OcpError;
      }
    },
  };
}

test("identical requests right after their answers are free, then slow, then refused with a sentence", () => {
  const { ask } = storm(3);
  expect([1, 2, 3, 4].map(() => ask())).toEqual([0, 0, 0, 0]);
  expect([1, 2, 3].map(() => ask())).toEqual([1000, 2000, 4000]);
  const refused = ask() as OcpError;
  expect(refused).toMatchObject({ code: "storm", status: 429, retryAfter: 60 });
  expect(refused.message).toContain("identical request");
  expect(ask()).toMatchObject({ code: "storm" });
});

test("a refused client is free again after the time that it was told", () => {
  const { ask } = storm(1);
  while (typeof ask() === "number") {}
  expect(ask("same", "ann", 61_000)).toBe(0);
});

test("another request, another client, and a repeat that takes its time are nobody's storm", () => {
  const { ask } = storm(2);
  for (let i = 0; i < 50; i++) expect(ask(`request ${i}`)).toBe(0);
  for (let i = 0; i < 50; i++) expect(ask("same", `client ${i}`)).toBe(0);
  for (let i = 0; i < 50; i++) expect(ask("slow", "ann", 2_500)).toBe(0);
});

test("0 turns it off", () => {
  const { ask } = storm(0);
  for (let i = 0; i < 50; i++) expect(ask()).toBe(0);
});
