/** The engine's limits may change between two turns: a turn keeps the time that it began with. */

import { expect, test } from "bun:test";
import { createFakeCli, ending, messageStart, text, textStart } from "../harness/fake-cli.ts";
import { createTemp } from "../harness/temp.ts";
import { drive, user } from "./engine.ts";

test("a turn takes as long as the setting says when it begins", async () => {
  await using temp = await createTemp();
  const cli = createFakeCli(temp.path);
  let timeout = 60_000;
  await using driven = await drive("newest", { claudeBin: cli.bin, timeout: () => timeout });
  const answer = [messageStart, textStart, text("Hello world"), ...ending];
  cli.says(answer);
  expect((await driven.turn([user("Hi.")])).stop).toBe("end_turn");
  timeout = 300;
  cli.says([]);
  const late = driven.turn([user("Hello?")]);
  timeout = 60_000;
  await expect(late).rejects.toThrow("longer than 0.3 s");
  cli.says(answer);
  expect((await driven.turn([user("Hi again.")])).stop).toBe("end_turn");
});
