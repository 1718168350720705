/** The probe itself: it sees a server that answers slowly, one that fails, and one that hangs. */

import { expect, test } from "bun:test";
import { slowdown, startProbe } from "./probe.ts";

test("a probe sees slow, failed and missing answers, and counts each lap by itself", async () => {
  let behaviour: "quick" | "slow" | "failing" | "hanging" = "quick";
  const hangs = Promise.withResolvers<void>();
  const hanging = Promise.withResolvers<void>();
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      if (behaviour === "slow") await Bun.sleep(200);
      if (behaviour === "hanging") {
        hanging.resolve();
        await hangs.promise;
      }
      const status = behaviour === "failing" ? 429 : 200;
      return new Response(request.headers.get("authorization"), { status });
    },
  });
  await using probe = startProbe({ url: server.url.origin, pid: process.pid }, { key: "ocp_probe" });
  await probe.answers(5);
  const quick = await probe.lap();
  behaviour = "slow";
  await probe.answers(4);
  const slow = await probe.lap();
  behaviour = "failing";
  await probe.answers(3);
  const failing = await probe.lap();
  behaviour = "hanging";
  await hanging.promise;
  await probe.lap();
  await Bun.sleep(100);
  const hung = await probe.lap();
  hangs.resolve();

  expect(quick.answers).toBeGreaterThanOrEqual(5);
  expect(quick.failures).toEqual([]);
  expect(quick.peakRss).toBeGreaterThan(10 * 1024 * 1024);
  expect(slowdown(slow, quick)).toBeGreaterThan(2);
  expect(slow.failures).toEqual([]);
  expect(failing.failures.at(-1)).toBe("429 Bearer ocp_probe");
  expect(hung.answers).toBe(0);
  expect(hung.slowestMs).toBeGreaterThanOrEqual(100);
});
