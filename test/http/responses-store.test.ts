/** What is remembered of responses, for how long and for whom. */

import { describe, expect, test } from "bun:test";
import { createResponsesStore, type ResponsesStoreOptions } from "../../src/server/responses-store.ts";
import { echoOf, renderResponse } from "../../src/wire/openai-responses/response.ts";
import type { InputItem } from "../../src/wire/openai-responses/schema.ts";

function storing(options: Partial<ResponsesStoreOptions> = {}) {
  let now = 1_000_000;
  const store = createResponsesStore({ clock: () => now, ttl: 1_000, ...options });
  return {
    store,
    pass(ms: number) {
      now += ms;
    },
    remember(principal: string, id: string, said: string | InputItem[] = "hi") {
      const meta = { id, created: 1, model: "opus", store: true, echo: echoOf({}, null) };
      const response = renderResponse(meta, { status: "completed", output: [] });
      const output = [{ type: "message", id: `msg_${id}`, role: "assistant" as const, content: "yes" }];
      const input = typeof said === "string" ? [{ role: "user" as const, content: said }] : said;
      store.of(principal).remember({ response, input, output });
    },
    known: (principal: string, ...ids: string[]) => ids.filter((id) => store.of(principal).response(id)),
  };
}

describe("a response", () => {
  test("gives the conversation up to it, and its items", () => {
    const { store, remember } = storing();
    remember("ann", "r1");
    const own = store.of("ann");
    expect(own.response("r1")?.id).toBe("r1");
    expect(own.conversation("r1")?.map(({ content }) => content as string)).toEqual(["hi", "yes"]);
    expect(own.item("msg_r1")).toMatchObject({ role: "assistant", content: "yes" });
    expect([own.response("r2"), own.conversation("r2"), own.item("msg_r2")]).toEqual([undefined, undefined, undefined]);
  });

  test("keeps the items that were said before it, when theirs is gone", () => {
    const { store, remember } = storing({ maxCount: 1 });
    remember("ann", "r1");
    const item = store.of("ann").item("msg_r1")!;
    remember("ann", "r2", [item]);
    expect(store.of("ann").response("r1")).toBeUndefined();
    expect(store.of("ann").item("msg_r1")).toEqual(item);
  });

  test("with thousands of items gives one of them about as fast as a short response does", () => {
    const ownOf = (count: number) => {
      const { store, remember } = storing();
      for (let round = 0; round < 20; round++) {
        const items = Array.from({ length: count }, (_, at) => ({ id: `i${round}_${at}`, role: "user" as const }));
        remember("ann", `r${round}`, items);
      }
      expect(store.of("ann").item(`i0_${count - 1}`)).toBeDefined();
      return store.of("ann");
    };
    const timeOf = (own: ReturnType<typeof ownOf>, id: string) => {
      const begun = performance.now();
      for (let times = 0; times < 500; times++) own.item(id);
      return performance.now() - begun;
    };
    const [short, long] = [ownOf(10), ownOf(5_000)];
    const least = (time: () => number) => Math.min(...[1, 2, 3, 4, 5].map(time));
    const ratio = least(() => timeOf(long, "i0_4999")) / least(() => timeOf(short, "i0_9"));
    expect(ratio).toBeLessThan(20);
  });

  test("is nobody else's", () => {
    const { store, remember } = storing();
    remember("ann", "r1");
    const other = store.of("bob");
    expect([other.response("r1"), other.conversation("r1"), other.item("msg_r1")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(other.forget("r1")).toBe(false);
    expect(store.of("ann").response("r1")).toBeDefined();
  });

  test("is forgotten on demand, with its items", () => {
    const { store, remember } = storing();
    remember("ann", "r1");
    expect(store.of("ann").forget("r1")).toBe(true);
    expect(store.of("ann").forget("r1")).toBe(false);
    expect(store.of("ann").item("msg_r1")).toBeUndefined();
  });

  test("is forgotten after its time, not before", () => {
    const { remember, pass, known } = storing();
    remember("ann", "r1");
    pass(600);
    remember("ann", "r2");
    pass(399);
    expect(known("ann", "r1", "r2")).toEqual(["r1", "r2"]);
    pass(1);
    expect(known("ann", "r1", "r2")).toEqual(["r2"]);
  });
});

describe("the oldest go first", () => {
  test("when one principal has too many", () => {
    const { remember, known } = storing({ maxCount: 2 });
    remember("bob", "b1");
    for (const id of ["r1", "r2", "r3"]) remember("ann", id);
    expect(known("ann", "r1", "r2", "r3")).toEqual(["r2", "r3"]);
    expect(known("bob", "b1")).toEqual(["b1"]);
  });

  test("when all together are too large, and those of whoever holds the most", () => {
    const { remember, known } = storing({ maxChars: 40_000 });
    remember("bob", "b1", "x".repeat(5_000));
    for (const id of ["r1", "r2", "r3"]) remember("ann", id, "x".repeat(14_000));
    expect(known("ann", "r1", "r2", "r3")).toEqual(["r2", "r3"]);
    expect(known("bob", "b1")).toEqual(["b1"]);
  });

  test("but not for one that is too large by itself: of that one the own items are known alone", () => {
    const { store, remember, known } = storing({ maxChars: 40_000 });
    remember("ann", "r1");
    remember("ann", "r2", "x".repeat(50_000));
    expect(known("ann", "r1", "r2")).toEqual(["r1", "r2"]);
    expect(store.of("ann").item("msg_r2")).toBeDefined();
    expect(store.of("ann").conversation("r2")).toBeUndefined();
  });
});
