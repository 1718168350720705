/** When a process is not worth keeping, because its principal asks single questions and others wait. */

import { describe, expect, test } from "bun:test";
import { createHabits } from "../../src/claude/habits.ts";
import { drive, text, user } from "./engine.ts";

describe("a principal's habit", () => {
  test("is to go on, until some twenty single questions say otherwise", () => {
    const habits = createHabits();
    const singles = () => {
      let count = 0;
      for (; !habits.asksOnce("ann") && count < 100; count++) habits.note("ann", false);
      return count;
    };
    expect(singles()).toBeWithin(10, 30);
    expect(habits.asksOnce("bob")).toBe(false);
    habits.note("ann", true);
    expect(habits.asksOnce("ann")).toBe(false);
  });
});

describe("a single question's process", () => {
  test("is given up while others wait for theirs, and kept when nobody waits", async () => {
    await using driven = await drive();
    const slow = (delayMs: number) => ({ blocks: ["Answer."], delayMs });
    driven.simulator.play(({ body }) => slow(JSON.stringify(body).includes("slowly") ? 60_000 : 0));
    const asked = Array.from({ length: 24 }, (_, i) => user(`Question ${i}.`));
    while (asked.length > 0) {
      await Promise.all(asked.splice(0, 6).map((each) => driven.turn([each])));
      driven.engine.clearSessions();
    }
    await driven.turn([user("Nobody waits.")]);
    expect(driven.held()).toHaveLength(1);
    driven.engine.clearSessions();

    const gone = new AbortController();
    const waiting = driven.stream([user("Answer slowly.")], {}, "bob", gone.signal);
    const never = waiting.next().catch((error: unknown) => error);
    const answer = await driven.turn([user("Somebody waits.")]);
    expect(answer.content).toEqual([text("Answer.")]);
    expect(driven.held().filter(({ principalId }) => principalId === "ann")).toEqual([]);
    gone.abort(new Error("left"));
    expect(await never).toEqual(new Error("left"));
  }, 60_000);
});
