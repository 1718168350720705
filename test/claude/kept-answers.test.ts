/** The kept answers in memory: what finds them, and the bounds in bytes, time and fairness. */

import { afterEach, describe, expect, test } from "bun:test";
import {
  createKeptAnswers,
  type KeptAnswer,
  type KeptAnswers,
  type KeptConversation,
} from "../../src/claude/kept-answers.ts";
import type { AssistantBlock } from "../../src/core/conversation.ts";

const hour = 3_600_000;
const epoch = Date.UTC(2026, 3, 15);
const silent = { info() {}, warn() {}, error() {} };
const opened: KeptAnswers[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

function shelf(given: { maxBytes?: number; hours?: number; gone?: string[] } = {}) {
  const state = { now: epoch, maxBytes: given.maxBytes ?? 1_000_000, hours: given.hours ?? 0, gone: given.gone ?? [] };
  const kept = createKeptAnswers({
    hours: () => state.hours,
    maxBytes: () => state.maxBytes,
    disk: null,
    isGone: (id) => state.gone.includes(id),
    log: silent,
    now: () => state.now,
  });
  opened.push(kept);
  return { kept, state };
}

const thought = (words: string, signature = "c2lnbg=="): AssistantBlock[] => [
  { type: "thinking", thinking: `Hmm, ${words}`, signature },
  { type: "redacted_thinking", data: "b3BhcXVl" },
  { type: "text", text: `  ${words} \ud800 äöü \u{1f600}\n` },
];
const call = (id: string): AssistantBlock => ({
  type: "tool_use",
  id,
  name: "look",
  input: { z: 1, a: [" x ", null] },
});
const answer = (conversationId: string, print: string, change: Partial<KeptAnswer> = {}): KeptAnswer => ({
  principalId: "ann",
  print,
  conversationId,
  model: "claude-sonnet-5-5-20260901",
  content: thought(print),
  effort: "medium",
  at: epoch,
  isFolded: false,
  behind: 0,
  ...change,
});
const conversation = (id: string, change: Partial<KeptConversation> = {}): KeptConversation => ({
  id,
  principalId: "ann",
  model: "claude-sonnet-5-5",
  messages: 4,
  turns: 2,
  since: epoch,
  usedAt: epoch,
  ended: "expired",
  usage: { input: 1, cacheRead: 2, cacheWrite: 3, output: 4 },
  head: `head of ${id}`,
  ...change,
});
/** An answer whose content has that many bytes, about. */
const large = (bytes: number): AssistantBlock[] => [{ type: "text", text: "x".repeat(bytes) }];
const found = (kept: KeptAnswers, principalId: string, ...prints: string[]) =>
  prints.filter((print) => kept.find(principalId, print) !== null);

describe("an answer", () => {
  test("comes back exactly as it was kept, by its fingerprint and by each of its calls in any spelling", () => {
    const { kept } = shelf();
    const given = answer("c1", "p1", { content: [...thought("I look"), call("toolu_01-A"), call("toolu_01_B")] });
    kept.keep(given);
    expect(kept.find("ann", "p1")).toEqual(given);
    for (const id of ["toolu_01-A", "toolu01A", "toolu_01B"]) expect(kept.byCall("ann", id)).toEqual(given);
    expect(kept.find("ann", "p2")).toBeNull();
    expect(kept.byCall("ann", "toolu_01")).toBeNull();
  });

  test("is not changed by what its giver or its finder does with it later", () => {
    const { kept } = shelf();
    const content = thought("as it was");
    kept.keep(answer("c1", "p1", { content }));
    content.pop();
    const { content: given } = kept.find("ann", "p1") as KeptAnswer;
    (given as AssistantBlock[]).pop();
    expect(kept.find("ann", "p1")?.content).toEqual(thought("as it was"));
  });

  test("is nobody else's, also with the same fingerprint and the same call", () => {
    const { kept } = shelf();
    const [anns, bobs] = [
      [...thought("Ann"), call("t1")],
      [...thought("Bob"), call("t1")],
    ];
    kept.keep(answer("c1", "p1", { content: anns }));
    expect(kept.find("bob", "p1")).toBeNull();
    expect(kept.byCall("bob", "t1")).toBeNull();
    kept.keep(answer("c2", "p1", { principalId: "bob", content: bobs }));
    expect([kept.find("ann", "p1")?.content, kept.find("bob", "p1")?.content]).toEqual([anns, bobs]);
    kept.clear("ann");
    expect([kept.find("ann", "p1"), kept.byCall("ann", "t1")]).toEqual([null, null]);
    expect([kept.find("bob", "p1")?.content, kept.byCall("bob", "t1")?.content]).toEqual([bobs, bobs]);
  });

  test("that replaces another of its conversation leaves nothing of that", () => {
    const { kept } = shelf();
    kept.keep(answer("c1", "p1", { content: [...thought("first"), call("t1")] }));
    kept.keep(answer("c1", "p1", { content: thought("second") }));
    expect(kept.find("ann", "p1")?.content).toEqual(thought("second"));
    expect(kept.byCall("ann", "t1")).toBeNull();
  });

  test("of a principal that is gone is not kept", () => {
    const { kept } = shelf({ gone: ["ann"] });
    kept.keep(answer("c1", "p1"));
    kept.note(conversation("c1"));
    expect(kept.find("ann", "p1")).toBeNull();
    expect(kept.conversations()).toEqual([]);
  });
});

describe("two conversations with the same words", () => {
  const [first, second] = [thought("same", "Zmlyc3Q="), thought("same", "c2Vjb25k")];

  test("have their own thoughts: the wanted one's, else the newest", () => {
    const { kept } = shelf();
    kept.keep(answer("c1", "p1", { content: first }));
    kept.keep(answer("c2", "p1", { content: second }));
    expect(kept.find("ann", "p1", "c1")?.content).toEqual(first);
    expect(kept.find("ann", "p1", "c2")?.content).toEqual(second);
    expect(kept.find("ann", "p1", "c3")?.content).toEqual(second);
    expect(kept.find("ann", "p1")).toMatchObject({ conversationId: "c2", content: second });
  });

  test("are bounded in number, so that one question again and again costs no more than some", () => {
    const { kept } = shelf();
    for (let at = 0; at < 50; at++) kept.keep(answer(`c${at}`, "p1", { content: thought("same", `s${at}`) }));
    const own = Array.from({ length: 50 }, (_, at) => kept.find("ann", "p1", `c${at}`)?.conversationId === `c${at}`);
    expect(own.filter(Boolean)).toHaveLength(16);
    expect(own.slice(-16).every(Boolean)).toBe(true);
  });

  test("that share answers hold them once, and each for as long as either lives", () => {
    const { kept, state } = shelf({ maxBytes: 150_000 });
    const content = large(50_000);
    for (const id of ["origin", "fork 1", "fork 2", "fork 3"]) {
      kept.keep(answer(id, "p1", { content }));
      kept.keep(answer(id, `p2 of ${id}`));
    }
    expect(found(kept, "ann", "p1", "p2 of origin", "p2 of fork 3")).toHaveLength(3);
    state.now += 20 * hour;
    kept.touch("fork 2");
    state.now += 20 * hour;
    expect(found(kept, "ann", "p1", "p2 of origin", "p2 of fork 2")).toEqual(["p1", "p2 of fork 2"]);
    expect(kept.find("ann", "p1")?.conversationId).toBe("fork 2");
  });
});

describe("in bytes", () => {
  test("the least recently used conversation goes, whole", () => {
    const { kept } = shelf({ maxBytes: 100_000 });
    for (const id of ["c1", "c2", "c3"]) {
      kept.keep(answer(id, `${id} 1`, { content: [...large(15_000), call(`${id} t`)] }));
      kept.keep(answer(id, `${id} 2`, { content: large(10_000) }));
    }
    kept.touch("c1");
    kept.keep(answer("c4", "c4 1", { content: large(30_000) }));
    expect(found(kept, "ann", "c1 1", "c1 2", "c2 1", "c2 2", "c3 1", "c3 2", "c4 1")).toEqual([
      "c1 1",
      "c1 2",
      "c3 1",
      "c3 2",
      "c4 1",
    ]);
    expect(kept.byCall("ann", "c2 t")).toBeNull();
  });

  test("are counted as they weigh, whatever their alphabet", () => {
    const { kept } = shelf({ maxBytes: 40_000 });
    kept.keep(answer("c1", "p1", { content: [{ type: "text", text: "語".repeat(20_000) }] }));
    expect(kept.find("ann", "p1")).toBeNull();
    kept.keep(answer("c1", "p1", { content: large(20_000) }));
    expect(kept.find("ann", "p1")).not.toBeNull();
  });

  test("an answer that is larger than all of it is not kept, pushes nothing out, and leaves no earlier one in its place", () => {
    const { kept } = shelf({ maxBytes: 50_000 });
    kept.keep(answer("c1", "p1"));
    kept.keep(answer("c2", "p2"));
    kept.keep(answer("c2", "p2", { content: large(60_000) }));
    expect(found(kept, "ann", "p1", "p2")).toEqual(["p1"]);
  });

  test("a conversation that outgrows all of it keeps its beginning", () => {
    const { kept } = shelf({ maxBytes: 50_000 });
    for (const at of [1, 2, 3, 4]) kept.keep(answer("c1", `p${at}`, { content: large(20_000) }));
    expect(found(kept, "ann", "p1", "p2", "p3", "p4")).toEqual(["p1", "p2"]);
  });

  test("a thousand answers of a conversation cost what they weigh", () => {
    const { kept } = shelf({ maxBytes: 1_000 * 3_000 });
    for (let at = 0; at < 1_000; at++) kept.keep(answer("c1", `p${at}`, { content: large(2_000) }));
    expect(found(kept, "ann", ...Array.from({ length: 1_000 }, (_, at) => `p${at}`))).toHaveLength(1_000);
  });

  test("countless small conversations are bounded too", () => {
    const { kept } = shelf({ maxBytes: 100_000 });
    for (let at = 0; at < 10_000; at++) {
      kept.keep(answer(`c${at}`, `p${at}`, { content: [] }));
      kept.note(conversation(`c${at}`));
    }
    expect(kept.conversations().length).toBeLessThan(100);
    expect(kept.conversations()[0]?.id).toBe("c9999");
  });

  test("a lower bound holds at once, and with 0 nothing is kept", () => {
    const { kept, state } = shelf();
    for (const id of ["c1", "c2"]) kept.keep(answer(id, id, { content: large(20_000) }));
    kept.note(conversation("c2"));
    state.maxBytes = 30_000;
    kept.reconsider();
    expect(found(kept, "ann", "c1", "c2")).toEqual(["c2"]);
    state.maxBytes = 0;
    kept.reconsider();
    expect(found(kept, "ann", "c1", "c2")).toEqual([]);
    kept.keep(answer("c1", "c1"));
    kept.note(conversation("c3"));
    expect([kept.find("ann", "c1"), kept.conversations()]).toEqual([null, []]);
  });
});

describe("between principals", () => {
  const keep = (kept: KeptAnswers, principalId: string, print: string, bytes: number, conversationId = print) =>
    kept.keep(answer(conversationId, print, { principalId, content: large(bytes) }));

  test("nobody pushes out who has no more than an equal share, however much and how lately", () => {
    const { kept } = shelf({ maxBytes: 100_000 });
    keep(kept, "bob", "b1", 20_000);
    keep(kept, "bob", "b2", 15_000);
    for (let at = 0; at < 200; at++) keep(kept, "ann", `a${at}`, 10_000);
    expect(found(kept, "bob", "b1", "b2")).toEqual(["b1", "b2"]);
    expect(found(kept, "ann", "a199", "a198", "a0")).toEqual(["a199", "a198"]);
  });

  test("whoever has most gives way to a newcomer, the least recently used first", () => {
    const { kept } = shelf({ maxBytes: 100_000 });
    for (const print of ["a1", "a2", "a3"]) keep(kept, "ann", print, 30_000);
    keep(kept, "bob", "b1", 30_000);
    expect(found(kept, "ann", "a1", "a2", "a3")).toEqual(["a2", "a3"]);
    expect(found(kept, "bob", "b1")).toEqual(["b1"]);
  });

  test("one long conversation is bounded by itself where everything else is within its share", () => {
    const { kept } = shelf({ maxBytes: 100_000 });
    keep(kept, "bob", "b1", 40_000);
    for (const at of [1, 2, 3]) keep(kept, "ann", `a${at}`, 25_000, "long");
    expect(found(kept, "bob", "b1")).toEqual(["b1"]);
    expect(found(kept, "ann", "a1", "a2", "a3")).toEqual(["a1", "a2"]);
  });
});

describe("in time", () => {
  test("a conversation is kept for a day since its last use, all its answers together", () => {
    const { kept, state } = shelf();
    for (const print of ["p1", "p2"]) kept.keep(answer("c1", print));
    kept.keep(answer("c2", "p3"));
    state.now += 20 * hour;
    kept.touch("c1");
    state.now += 20 * hour;
    expect(found(kept, "ann", "p1", "p2", "p3")).toEqual(["p1", "p2"]);
    state.now += 5 * hour;
    expect(found(kept, "ann", "p1", "p2", "p3")).toEqual([]);
  });

  test("OCP_SESSION_KEEP lengthens that, and shortens nothing", () => {
    const { kept, state } = shelf({ hours: 48 });
    kept.keep(answer("c1", "p1"));
    state.now += 47 * hour;
    expect(found(kept, "ann", "p1")).toEqual(["p1"]);
    state.hours = 1;
    expect(found(kept, "ann", "p1")).toEqual([]);
    kept.keep(answer("c2", "p2"));
    state.now += 23 * hour;
    expect(found(kept, "ann", "p2")).toEqual(["p2"]);
  });

  test("what has a process may be used a day after that", () => {
    const { kept, state } = shelf();
    kept.keep(answer("c1", "p1"));
    kept.note(conversation("c1", { ended: null }));
    state.now += 24 * hour + 1_000;
    kept.note(conversation("c1", { ended: "expired" }));
    state.now += 23 * hour;
    expect(found(kept, "ann", "p1")).toEqual(["p1"]);
    expect(kept.conversations()).toHaveLength(1);
    state.now += 2 * hour;
    expect(kept.conversations()).toEqual([]);
  });
});

describe("conversations", () => {
  test("are listed by their last use, of one principal or of all, as they were last noted", () => {
    const { kept, state } = shelf();
    for (const [id, principalId] of [
      ["c1", "ann"],
      ["c2", "bob"],
      ["c3", "ann"],
    ] as const) {
      state.now += 1_000;
      kept.note(conversation(id, { principalId, ended: null }));
    }
    state.now += 1_000;
    kept.note(conversation("c1", { messages: 6, ended: "evicted", head: "new head" }));
    expect(kept.conversations().map(({ id }) => id)).toEqual(["c1", "c3", "c2"]);
    expect(kept.conversations("ann").map(({ id }) => id)).toEqual(["c1", "c3"]);
    expect(kept.conversations("ann")[0]).toEqual(
      conversation("c1", { messages: 6, ended: "evicted", head: "new head", usedAt: state.now }),
    );
    kept.clear();
    expect(kept.conversations()).toEqual([]);
  });

  test("are found by their id and by what they ended in, by their owner alone", () => {
    const { kept } = shelf();
    kept.note(conversation("c1"));
    kept.note(conversation("c1", { head: "h2", ended: "cleared" }));
    expect(kept.conversation("ann", "c1")?.ended).toBe("cleared");
    expect(kept.conversation("ann", { head: "h2" })?.id).toBe("c1");
    expect(kept.conversation("ann", { head: "head of c1" })).toBeNull();
    expect(kept.conversation("bob", "c1")).toBeNull();
    expect(kept.conversation("bob", { head: "h2" })).toBeNull();
  });
});
