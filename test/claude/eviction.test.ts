/** The choice of the process that is ended when there are too many. */

import { describe, expect, test } from "bun:test";
import { type Choice, chooseVictim } from "../../src/claude/eviction.ts";

type One = { principalId: string; state: "idle" | "parked" | "running"; name: string };

/** `ann idle 1` is Ann's first; all in the order of their last use. */
const read = (text: string): One[] =>
  text.split(", ").flatMap((name) => {
    const [principalId = "", state] = name.split(" ");
    return name === "" ? [] : [{ principalId, state: state as One["state"], name }];
  });

function victim(
  waiting: string,
  choice: Partial<Omit<Choice<One>, "waiting" | "running">> & { running?: string } = {},
) {
  const { running = "", ...rest } = choice;
  const isLast = ({ state }: One) => state === "parked";
  const given = { capacity: 4, wantedBy: null, isLast, ...rest };
  return chooseVictim({ ...given, waiting: read(waiting), running: read(running) })?.name;
}

describe("of one principal", () => {
  test("the least recently used conversation goes, and parked calls only when there is nothing else", () => {
    expect(victim("ann parked 1, ann idle 2, ann idle 3")).toBe("ann idle 2");
    expect(victim("ann parked 1, ann parked 2")).toBe("ann parked 1");
    expect(victim("ann parked 1, ann idle 2", { isLast: () => false })).toBe("ann parked 1");
    expect(victim("", { running: "ann running 1" })).toBeUndefined();
  });
});

describe("of several principals", () => {
  test("whoever holds no more than a share is spared while another holds more, also if that one's calls are parked", () => {
    expect(victim("ann idle 1, bob parked 2, bob parked 3, bob parked 4")).toBe("bob parked 2");
    expect(victim("ann parked 1, bob idle 2, bob idle 3, bob parked 4")).toBe("bob idle 2");
  });

  test("what runs counts as held", () => {
    expect(victim("ann idle 1, bob idle 2", { running: "bob running 1, bob running 2" })).toBe("bob idle 2");
  });

  test("what is wanted counts as held, so nobody's wish ends another's equal share", () => {
    expect(victim("ann idle 1, ann idle 2, bob idle 3, bob idle 4", { wantedBy: "bob" })).toBe("bob idle 3");
    expect(victim("ann idle 1, ann idle 2, bob idle 3, bob idle 4", { wantedBy: "ann" })).toBe("ann idle 1");
  });

  test("with room for a third principal's first, one of whoever holds most goes", () => {
    expect(victim("ann idle 1, bob idle 2, bob idle 3, bob idle 4", { wantedBy: "eve" })).toBe("bob idle 2");
  });

  test("where all hold their share, an idle conversation goes before another's parked call", () => {
    expect(victim("ann parked 1, ann parked 2, bob idle 3, bob idle 4", { wantedBy: "eve" })).toBe("bob idle 3");
  });

  test("where only what runs is more than a share, the others' conversations make place", () => {
    expect(victim("ann idle 1", { running: "bob running 1, bob running 2, bob running 3" })).toBe("ann idle 1");
  });

  test("with less room than principals, whoever holds most still gives first", () => {
    expect(victim("ann idle 1, bob idle 2, bob idle 3, eve idle 4", { capacity: 1 })).toBe("bob idle 2");
    expect(victim("ann idle 1, bob idle 2", { capacity: -0.5 })).toBe("ann idle 1");
  });
});
