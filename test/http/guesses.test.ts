/** Wrong keys cost time, and right ones none. */

import { describe, expect, test } from "bun:test";
import { createGuesses } from "../../src/server/guesses.ts";
import { errorOf, serve } from "./served.ts";

const neighbour = "192.168.1.7";
const other = "192.168.1.8";
const waits = new AbortController().signal;

/** Guesses on a clock that goes on by itself when somebody is held back, or only by `pass`. */
function onClock({ moves = true } = {}) {
  let time = 0;
  const held: number[] = [];
  const sleepers: Array<() => void> = [];
  const guesses = createGuesses({
    now: () => time,
    pause(ms) {
      held.push(ms);
      if (!moves) return new Promise((resolve) => sleepers.push(resolve));
      time += ms;
      return Promise.resolve();
    },
  });
  return {
    ...guesses,
    held,
    pass(ms: number) {
      time += ms;
      for (const wake of sleepers.splice(0)) wake();
    },
    /** What a wrong key is answered with: ms until then, and seconds of Retry-After or null for a 401. */
    async guess(address = neighbour, key = "wrong"): Promise<[number, number | null]> {
      const before = time;
      const outcome = await (async () => {
        guesses.check(address, key);
        await guesses.wrong(address, waits);
      })().then(
        () => null,
        (error) => error.retryAfter as number,
      );
      return [time - before, outcome];
    },
  };
}

describe("wrong keys of one address", () => {
  test("are refused at once, then later and later, then with 429 for a while", async () => {
    const { guess } = onClock();
    const answers: Array<[number, number | null]> = [];
    for (let count = 0; count < 11; count++) answers.push(await guess());
    expect(answers).toEqual([
      ...Array.from({ length: 5 }, () => [0, null] as [number, null]),
      [250, null],
      [500, null],
      [1_000, null],
      [2_000, null],
      [2_000, 10],
      [2_000, 20],
    ]);
  });

  test("are forgotten, one every ten seconds, and the longest while is a minute", async () => {
    const { guess, pass } = onClock();
    for (let count = 0; count < 100; count++) await guess();
    expect(await guess()).toEqual([2_000, 60]);
    pass(60_000);
    expect(await guess()).toEqual([2_000, 10]);
    pass(20_000);
    expect(await guess()).toEqual([2_000, null]);
    pass(200_000);
    expect(await guess()).toEqual([0, null]);
  });

  test("slow down nobody else, and no right key", async () => {
    const { guess, check, held } = onClock();
    for (let count = 0; count < 40; count++) await guess();
    held.length = 0;
    expect(await guess(other)).toEqual([0, null]);
    expect(() => check(neighbour, "a right one that was never seen")).not.toThrow();
    expect(held).toEqual([]);
  });

  test("are counted for the whole network of an IPv6 address", async () => {
    const { guess } = onClock();
    for (let count = 0; count < 5; count++) await guess(`2001:db8::${count}`);
    expect(await guess("2001:db8::ffff")).toEqual([250, null]);
    expect(await guess("2001:db8:0:1::1")).toEqual([0, null]);
  });
});

describe("guesses that do not wait for their answer", () => {
  /** As many answers as may be are held back. */
  async function busy() {
    const clock = onClock({ moves: false });
    for (let count = 0; count < 5; count++) await clock.guess();
    const pending = Array.from({ length: 4 }, () => clock.guess());
    return { ...clock, pending };
  }

  test("are not looked at, but for four at a time", async () => {
    const { guess, check, held } = await busy();
    expect(held).toHaveLength(4);
    expect(await guess()).toEqual([0, 2]);
    expect(held).toHaveLength(4);
    expect(() => check(other, "another")).not.toThrow();
  });

  test("keep no key out that was right before, from that address", async () => {
    const { check, right } = await busy();
    expect(() => check(neighbour, "right")).toThrow();
    right(neighbour, "right");
    right(other, "elsewhere");
    expect(() => check(neighbour, "right")).not.toThrow();
    expect(() => check(neighbour, "elsewhere")).toThrow();
  });

  test("are looked at again when their time is over, not when who asked has left", async () => {
    const { check, pass, pending } = await busy();
    pass(2_000);
    await Promise.allSettled(pending);
    expect(() => check(neighbour, "more")).not.toThrow();
    const leaving = onClock({ moves: false });
    for (let count = 0; count < 9; count++) void leaving.wrong(neighbour, AbortSignal.abort()).catch(() => {});
    expect(() => leaving.check(neighbour, "more")).toThrow();
    leaving.pass(2_000);
    expect(() => leaving.check(neighbour, "more")).not.toThrow();
  });

  test("from everywhere hold back a bounded number of answers; the others come at once", async () => {
    const { wrong, held } = onClock({ moves: false });
    for (let count = 0; count < 100 * 10; count++) void wrong(`10.0.${count % 100}.1`, waits).catch(() => {});
    expect(held).toHaveLength(128);
    expect(await wrong("10.0.0.1", waits).catch((error) => error.code)).toBe("too_many_wrong_keys");
  });

  test("from ever new addresses take no more memory", async () => {
    const { wrong } = onClock({ moves: false });
    const used = () => {
      Bun.gc(true);
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let count = 0; count < 200_000; count++) {
      await wrong(`10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`, waits);
    }
    // All of them remembered would be some 60 MB.
    expect(used() - before).toBeLessThan(15e6);
  });

  test("beside very many right keys take no more memory, and the last ones are remembered", () => {
    const { right, check, wrong } = onClock({ moves: false });
    for (let count = 0; count < 1_000; count++) right(neighbour, `key ${count}`);
    for (let count = 0; count < 9; count++) void wrong(neighbour, waits).catch(() => {});
    expect(() => check(neighbour, "key 999")).not.toThrow();
    expect(() => check(neighbour, "key 0")).toThrow();
  });
});

describe("over HTTP", () => {
  const env = { CLAUDE_AUTH_MODE: "multi" };

  test("an old key that comes again and again is told so at once: it is no guess", async () => {
    const served = serve({ env });
    const { key, secret } = served.store.keys.create("old", null);
    served.store.keys.revoke(key.id);
    for (let count = 0; count < 30; count++) {
      const response = await served.send("/v1/models", { headers: { authorization: `Bearer ${secret}` } });
      expect([response.status, (await errorOf(response)).message]).toEqual([401, expect.stringContaining("revoked")]);
    }
  });

  test("no key, and any text where none is wanted, are no guesses", async () => {
    for (const [mode, headers, status] of [
      ["multi", {}, 401],
      ["none", { authorization: "Bearer none" }, 200],
    ] as const) {
      const { send } = serve({ env: { CLAUDE_AUTH_MODE: mode } });
      for (let count = 0; count < 30; count++) expect((await send("/v1/models", { headers })).status).toBe(status);
    }
  });

  test("a client that leaves before it is told is no error", async () => {
    const served = serve({ env });
    const send = (init: RequestInit = {}) =>
      served.send("/v1/models", { ...init, headers: { authorization: "Bearer wrong" } });
    for (let count = 0; count < 5; count++) await send();
    const leave = new AbortController();
    const answer = send({ signal: leave.signal });
    leave.abort();
    await answer.catch(() => {});
    expect(served.requests().at(-1)).toMatchObject({ status: 499, outcome: "client_left" });
  });
});
