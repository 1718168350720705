/** The gate between turns and whoever wants to see the server at rest. */

import { expect, test } from "bun:test";
import { createGate } from "./gate.ts";

test("nobody runs beside one who is alone, and all get their turn", async () => {
  const gate = createGate();
  let inside = 0;
  let most = 0;
  const seen: number[] = [];
  const work = (name: "beside" | "alone") =>
    gate[name](async () => {
      inside++;
      if (name === "alone") seen.push(inside);
      else most = Math.max(most, inside);
      await Bun.sleep(1);
      inside--;
    });
  const names = Array.from({ length: 60 }, (_, at) => (at % 7 === 0 ? "alone" : "beside"));
  await Promise.all(names.map((name) => Bun.sleep(0).then(() => work(name as "alone"))));
  expect(seen).toEqual(Array(9).fill(1));
  expect(most).toBeGreaterThan(1);
});

test("a work that fails lets the next one in", async () => {
  const gate = createGate();
  const fails = async () => {
    throw new Error("It failed.");
  };
  expect(await gate.alone(fails).catch(String)).toBe("Error: It failed.");
  expect(await gate.beside(fails).catch(String)).toBe("Error: It failed.");
  expect(await gate.alone(async () => "in")).toBe("in");
});
