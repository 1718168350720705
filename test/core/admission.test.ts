import { describe, expect, test } from "bun:test";
import { type AdmissionOptions, createAdmission } from "../../src/core/admission.ts";
import { OcpError } from "../../src/core/errors.ts";

const never = new AbortController().signal;

function admit(options: Partial<AdmissionOptions> = {}) {
  return createAdmission({ maxConcurrent: 1, maxQueue: 16, retryAfter: 5, hasRoom: () => true, ...options });
}

async function refusal(promise: Promise<unknown>): Promise<OcpError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof OcpError) return error;
  throw new Error(`expected an OcpError, got ${error}`);
}

describe("admission", () => {
  test("runs at most maxConcurrent, lets the rest wait, and says how long it waited", async () => {
    let now = 100;
    const admission = admit({ maxConcurrent: 2, now: () => now });
    const first = await admission.acquire("a", never);
    await admission.acquire("b", never);
    const third = admission.acquire("a", never);
    expect(admission.stats()).toEqual({ running: 2, waiting: 1, rejected: 0 });
    now = 350;
    first.release();
    expect(first.queuedMs).toBe(0);
    expect((await third).queuedMs).toBe(250);
    expect(admission.stats()).toEqual({ running: 2, waiting: 0, rejected: 0 });
  });

  test("a place that is released twice is given back once", async () => {
    const admission = admit({ maxConcurrent: 2 });
    const slot = await admission.acquire("a", never);
    await admission.acquire("b", never);
    slot.release();
    slot.release();
    expect(admission.stats().running).toBe(1);
  });

  test("a full queue refuses at once, with the seconds to wait", async () => {
    const admission = admit({ maxQueue: 1, retryAfter: 7 });
    await admission.acquire("a", never);
    void admission.acquire("a", never);
    const error = await refusal(admission.acquire("b", never));
    expect(error.code).toBe("queue_full");
    expect(error.retryAfter).toBe(7);
    expect(admission.stats()).toEqual({ running: 1, waiting: 1, rejected: 1 });
  });

  test("a request that brings its process waits for no room, only for a place", async () => {
    const admission = admit({ maxConcurrent: 3, maxQueue: 1, hasRoom: () => false });
    const first = await admission.acquire("a", never);
    let waited = false;
    const waiting = admission.acquire("b", never).then(() => {
      waited = true;
    });
    await admission.acquire("a", never, () => true);
    let brings = false;
    await admission.acquire("c", never, () => true);
    const last = admission.acquire("a", never, () => brings);
    expect((await refusal(last)).code).toBe("queue_full");
    expect(admission.stats()).toMatchObject({ running: 3, waiting: 1 });
    first.release();
    expect([admission.stats().running, waited]).toEqual([2, false]);
    brings = true;
    await admission.acquire("a", never, () => brings);
    admission.close();
    expect((await refusal(waiting)).code).toBe("not_ready");
  });

  test("a queue of no length still admits what can start", async () => {
    const admission = admit({ maxQueue: 0 });
    const slot = await admission.acquire("a", never);
    expect((await refusal(admission.acquire("a", never))).code).toBe("queue_full");
    slot.release();
    await admission.acquire("a", never);
  });

  test("principals take turns, each in its own order", async () => {
    const admission = admit();
    const order: string[] = [];
    const first = await admission.acquire("z", never);
    const all = ["a1", "a2", "a3", "b1", "c1", "b2"].map(async (name) => {
      const slot = await admission.acquire(name.slice(0, 1), never);
      order.push(name);
      slot.release();
    });
    first.release();
    await Promise.all(all);
    expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  test("who has not had a turn for longest is next, however many another has waiting", async () => {
    const admission = admit();
    const order: string[] = [];
    const first = await admission.acquire("greedy", never);
    const ask = async (name: string) => {
      const slot = await admission.acquire(name, never);
      order.push(name);
      slot.release();
    };
    const all = [ask("greedy"), ask("greedy"), ask("greedy"), ask("other")];
    first.release();
    await Promise.all(all);
    expect(order).toEqual(["other", "greedy", "greedy", "greedy"]);
  });

  test("of several places each principal that wants one has one", async () => {
    const admission = admit({ maxConcurrent: 2 });
    const held = [await admission.acquire("greedy", never), await admission.acquire("a third", never)];
    const started: string[] = [];
    const wait = (name: string) => void admission.acquire(name, never).then(() => started.push(name));
    for (const name of ["greedy", "other", "other"]) wait(name);
    held[0]?.release();
    await Promise.resolve();
    held[1]?.release();
    await Promise.resolve();
    await Promise.resolve();
    expect(started.sort()).toEqual(["greedy", "other"]);
  });

  test("a principal that has filled the queue gives way to one that has less in it, with its newest", async () => {
    const admission = admit({ maxQueue: 3 });
    const running = await admission.acquire("greedy", never);
    const [, , newest] = [1, 2, 3].map(() => admission.acquire("greedy", never));
    const other = admission.acquire("other", never);
    expect(await refusal(newest as Promise<unknown>)).toMatchObject({ code: "queue_full", retryAfter: 5 });
    expect(admission.stats()).toEqual({ running: 1, waiting: 3, rejected: 1 });
    expect((await refusal(admission.acquire("greedy", never))).code).toBe("queue_full");
    // Two of the one and one of the other: nobody has so much more that it would have to give way.
    expect((await refusal(admission.acquire("other", never))).code).toBe("queue_full");
    running.release();
    await other;
  });

  test("nobody overtakes those who wait", async () => {
    let room = false;
    const admission = admit({ maxConcurrent: 3, hasRoom: () => room });
    const running = await admission.acquire("a", never);
    const waiting = admission.acquire("a", never);
    room = true;
    const late = admission.acquire("b", never);
    expect(admission.stats()).toEqual({ running: 1, waiting: 2, rejected: 0 });
    running.release();
    await Promise.all([waiting, late]);
  });

  test("a waiter whose signal aborts is forgotten in the same moment", async () => {
    const admission = admit({ maxQueue: 1 });
    const running = await admission.acquire("a", never);
    const client = new AbortController();
    const left = admission.acquire("b", client.signal).catch((error: unknown) => error);
    expect(admission.stats().waiting).toBe(1);
    client.abort("gone");
    expect(admission.stats().waiting).toBe(0);
    expect(await left).toBe("gone");
    const next = admission.acquire("c", never);
    running.release();
    await next;
    expect(admission.stats()).toEqual({ running: 1, waiting: 0, rejected: 0 });
  });

  test("a signal that has aborted already takes no place", async () => {
    const admission = admit();
    expect(await admission.acquire("a", AbortSignal.abort("gone")).catch((error: unknown) => error)).toBe("gone");
    expect(admission.stats().running).toBe(0);
  });

  test("an abort after admission leaves the place to its holder", async () => {
    const admission = admit();
    const client = new AbortController();
    const running = await admission.acquire("a", never);
    const waited = admission.acquire("b", client.signal);
    running.release();
    const slot = await waited;
    client.abort();
    expect(admission.stats().running).toBe(1);
    slot.release();
    expect(admission.stats().running).toBe(0);
  });

  test("without room requests wait, but never when none runs", async () => {
    const admission = admit({ maxConcurrent: 4, hasRoom: () => false });
    const first = await admission.acquire("a", never);
    const second = admission.acquire("a", never);
    expect(admission.stats()).toEqual({ running: 1, waiting: 1, rejected: 0 });
    first.release();
    await second;
  });

  test("room that comes later is used when it is told of", async () => {
    let room = false;
    const admission = admit({ maxConcurrent: 4, hasRoom: () => room });
    await admission.acquire("a", never);
    const second = admission.acquire("a", never);
    admission.recheck();
    expect(admission.stats().waiting).toBe(1);
    room = true;
    admission.recheck();
    await second;
    expect(admission.stats()).toEqual({ running: 2, waiting: 0, rejected: 0 });
  });

  test("raised limits admit those who wait at once; lowered ones let the running end", async () => {
    const admission = admit();
    const first = await admission.acquire("a", never);
    const second = admission.acquire("b", never);
    admission.setLimits({ maxConcurrent: 2 });
    await second;
    admission.setLimits({ maxConcurrent: 1, maxQueue: 0, retryAfter: 9 });
    expect(admission.stats().running).toBe(2);
    first.release();
    expect((await refusal(admission.acquire("a", never))).retryAfter).toBe(9);
  });

  describe("the last place", () => {
    const fill = async (admission: ReturnType<typeof admit>, count: number) => {
      const slots = [];
      for (let at = 0; at < count; at++) slots.push(await admission.acquire("greedy", never));
      return slots;
    };

    test("is another principal's at once, while the one that holds the others waits for its own", async () => {
      const admission = admit({ maxConcurrent: 3 });
      const [first] = await fill(admission, 2);
      const third = admission.acquire("greedy", never);
      expect(admission.stats()).toEqual({ running: 2, waiting: 1, rejected: 0 });
      const other = await admission.acquire("other", never);
      expect(other.queuedMs).toBeLessThan(1_000);
      other.release();
      expect(admission.stats()).toEqual({ running: 2, waiting: 1, rejected: 0 });
      first?.release();
      await third;
      expect(admission.stats()).toEqual({ running: 2, waiting: 0, rejected: 0 });
    });

    test("is given to whoever has not all the others", async () => {
      const admission = admit({ maxConcurrent: 3 });
      await fill(admission, 1);
      await admission.acquire("other", never);
      await fill(admission, 1);
      expect(admission.stats()).toEqual({ running: 3, waiting: 0, rejected: 0 });
    });

    test("that memory leaves is kept free in the same way", async () => {
      const admission = admit({ maxConcurrent: 8, hasRoom: (running) => running < 3 });
      const [first] = await fill(admission, 2);
      const third = admission.acquire("greedy", never);
      await admission.acquire("other", never);
      expect(admission.stats()).toEqual({ running: 3, waiting: 1, rejected: 0 });
      first?.release();
      await third;
    });

    test("that memory leaves is kept free for whoever waits longest, when it comes later", async () => {
      let most = 2;
      const admission = admit({ maxConcurrent: 8, hasRoom: (running) => running < most });
      await fill(admission, 1);
      const greedy = admission.acquire("greedy", never);
      await admission.acquire("other", never);
      const another = admission.acquire("another", never);
      most = 3;
      admission.recheck();
      await another;
      expect(admission.stats()).toEqual({ running: 3, waiting: 1, rejected: 0 });
      most = 4;
      admission.recheck();
      await greedy;
    });

    test("is the only one where there is one place: then there is only the queue", async () => {
      for (const options of [{ maxConcurrent: 1 }, { maxConcurrent: 8, hasRoom: () => false }]) {
        const admission = admit(options);
        const [first] = await fill(admission, 1);
        const second = admission.acquire("greedy", never);
        const other = admission.acquire("other", never);
        expect(admission.stats()).toEqual({ running: 1, waiting: 2, rejected: 0 });
        first?.release();
        (await other).release();
        await second;
      }
    });

    test("cannot be had by many who wait either: the queue of no length refuses them", async () => {
      const admission = admit({ maxConcurrent: 3, maxQueue: 0 });
      await fill(admission, 2);
      expect((await refusal(admission.acquire("greedy", never))).code).toBe("queue_full");
      await admission.acquire("other", never);
    });
  });

  test("after close, those who wait and those who come are refused, and the running end in peace", async () => {
    const admission = admit();
    const running = await admission.acquire("a", never);
    const waiting = refusal(admission.acquire("a", never));
    admission.close();
    expect((await waiting).code).toBe("not_ready");
    expect((await refusal(admission.acquire("a", never))).code).toBe("not_ready");
    running.release();
    expect(admission.stats()).toEqual({ running: 0, waiting: 0, rejected: 0 });
  });
});
