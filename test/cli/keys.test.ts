/** `ocp keys` and `ocp usage --by-key` against a running server. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { createQuickCli } from "../harness/quick-cli.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { type Outcome, runOcp } from "./run.ts";

const secret = /^ocp_[A-Za-z0-9_-]{32}$/;

describe.each(targets())("ocp keys from %s", (target) => {
  let temp: Temp;
  let server: Ocp;
  const run = (...args: string[]): Promise<Outcome> =>
    runOcp(target, args, { OCP_URL: server.url, OCP_ADMIN_KEY: "the-admin-key-of-this-test" });
  const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout);
  const ask = (key: string) =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ messages: [{ role: "user", content: "hi" }] }),
    });

  beforeAll(async () => {
    temp = await createTemp();
    const env = {
      CLAUDE_BIN: createQuickCli(temp.path),
      CLAUDE_AUTH_MODE: "multi",
      OCP_ADMIN_KEY: "the-admin-key-of-this-test",
    };
    server = await startOcp({ target, temp, env });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await temp?.remove();
  });

  test("says what to do while there is none", async () => {
    const { code, stdout, stderr } = await run("keys");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toContain("ocp keys add");
  });

  test("add prints the secret alone on stdout, and it works; the list never shows it", async () => {
    const added = await run("keys", "add", "laptop");
    expect(added.code).toBe(0);
    expect(added.stdout.trimEnd()).toMatch(secret);
    expect(added.stderr).toContain("shown this once");
    expect((await ask(added.stdout.trim())).status).toBe(200);
    const list = await run("keys");
    const [head, row] = list.stdout.split("\n");
    expect(head).toMatch(/^ID +NAME +KEY +STATE +EXPIRES +TODAY +WEEK +MONTH$/);
    expect(row).toMatch(/^1 +laptop +ocp_\S{4}\.{3}\S{4} +active +never +1 +1 +1$/);
    expect(list.stdout).not.toContain(added.stdout.trim());
  });

  test("add takes an end and limits", async () => {
    const limits = ["--daily", "50", "--weekly", "none", "--monthly-tokens", "2M", "--daily-tokens=500k"];
    const { id, key, name } = await json("keys", "add", "tablet", "--expires", "90d", ...limits);
    expect([id, name]).toEqual([2, "tablet"]);
    expect(key).toMatch(secret);
    const tablet = (await json("keys")).find((one: any) => one.name === "tablet");
    expect(tablet).toMatchObject({
      quota_daily: 50,
      quota_weekly: null,
      quota_tokens_daily: 500_000,
      quota_tokens_monthly: 2_000_000,
    });
    expect(Math.round((Date.parse(tablet.expires_at) - Date.now()) / 86_400_000)).toBe(90);
    expect((await run("keys")).stdout).toMatch(/TODAY +WEEK +MONTH +TOKENS TODAY +TOKENS MONTH\n/);
  });

  test("quota shows what is used of what, and changes what is named", async () => {
    const shown = await run("keys", "quota", "laptop");
    expect(shown.stdout).toMatch(/^PERIOD +REQUESTS +LIMIT +TOKENS +LIMIT\nday +1 +none +8 +none\n/);
    const changed = await json("keys", "quota", "laptop", "--daily", "1", "--weekly-tokens", "5000");
    expect(changed).toMatchObject({
      daily: { limit: 1, used: 1 },
      weekly: { limit: null },
      tokens: { weekly: { limit: 5_000, used: 8 } },
    });
    expect(await json("keys", "quota", "laptop", "--daily", "none")).toMatchObject({
      daily: { limit: null },
      tokens: { weekly: { limit: 5_000 } },
    });
  });

  test("rename, expire, rotate and revoke do so", async () => {
    const first = (await run("keys", "add", "phone")).stdout.trim();
    expect(await run("keys", "rename", "phone", "old phone")).toMatchObject({ code: 0, stdout: "" });
    expect((await run("keys", "expire", "old phone", "2099-01-31")).stderr).toContain("2099-01-31T00:00:00.000Z");
    expect((await run("keys", "expire", "old phone", "never")).stderr).toContain("never ends");
    const second = (await run("keys", "rotate", "old phone")).stdout.trim();
    expect([(await ask(first)).status, (await ask(second)).status]).toEqual([401, 200]);
    expect(await run("keys", "revoke", "old phone")).toMatchObject({ code: 0, stdout: "" });
    expect((await ask(second)).status).toBe(401);
    const list = await run("keys");
    expect(list.stdout).not.toContain("old phone");
    expect(list.stderr).toContain("1 revoked");
    expect((await run("keys", "--all")).stdout).toMatch(/old phone +\S+ +revoked/);
  });

  test.each([
    [["keys", "add", "laptop"], 'There is a key named "laptop" already.'],
    [["keys", "add", "<img src=x>"], "`name` must be"],
    [["keys", "add", "x", "--expires", "2001-01-01"], "`expiresAt` must be in the future"],
    [["keys", "revoke", "nobody"], "There is no key with this name or id."],
    [["keys", "quota", "a/b"], "There is no key with this name or id."],
  ])("%j fails with the server's sentence", async (args, sentence) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toStartWith("ocp: ");
    expect(stderr).toContain(sentence);
  });

  test("usage --by-key shows one's own, and everybody's with --all", async () => {
    const own = await run("usage", "--by-key");
    expect([own.code, own.stdout]).toEqual([0, ""]);
    expect(own.stderr).toContain("usage of admin; --all shows everybody's");
    const all = await run("usage", "--by-key", "--all", "--hours", "720");
    expect(all.stderr).toBe("");
    expect(all.stdout).toMatch(
      /^KEY +REQS +OK +ERR +CACHED +AVG TIME +TOKENS IN +OUT\nlaptop +1 +1 +0 +0 +\d+\.\d s +3 +5$/m,
    );
    expect(await json("usage", "--by-key", "--all")).toContainEqual(
      expect.objectContaining({ key_name: "laptop", requests: 1, successes: 1 }),
    );
  });

  test.each([
    [["keys", "ad"], 'no command "keys ad". Did you mean add?'],
    [["keys", "constructor"], 'no command "keys constructor"'],
    [["help", "keys", "ad"], "Did you mean add?"],
    [["help", "version", "add"], "`ocp version` does not take the argument"],
    [["keys", "--al"], "`ocp keys` has no flag --al. Did you mean --all?"],
    [["keys", "add"], "`ocp keys add` needs the argument NAME."],
    [["keys", "rename", "laptop"], "needs the argument NEW"],
    [["keys", "add", "a", "b"], 'does not take the argument "b"'],
    [["keys", "add", "a", "--dayly", "5"], "Did you mean --daily?"],
    [["keys", "add", "a", "--daily"], "--daily needs a value"],
    [["keys", "add", "a", "--daily", "many"], '--daily is "many"'],
    [["keys", "add", "a", "--daily", "-1"], '--daily is "-1"'],
    [["keys", "add", "a", "--daily", "1.5"], '--daily is "1.5"'],
    [["keys", "add", "a", "--expires", "soon"], '--expires is "soon"'],
    [["keys", "expire", "a", "90"], 'The time is "90"'],
    [["usage", "--by-key", "--hours", "721"], '--hours is "721"'],
    [["usage", "keys"], 'does not take the argument "keys"'],
  ])("%j is refused before the server is asked", async (args, sentence) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
  });

  test("each has a page of its own, by flag and by help", async () => {
    const [byFlag, byHelp] = [await run("keys", "add", "--help"), await run("help", "keys", "add")];
    expect(byFlag).toEqual(byHelp);
    expect(byFlag).toMatchObject({ code: 0, stderr: "" });
    expect(byFlag.stdout).toContain("USAGE ocp keys add [OPTIONS] <NAME>");
    const overview = (await run("keys", "--help")).stdout;
    expect(overview).toContain("USAGE ocp keys ");
    for (const name of ["add", "revoke", "rename", "expire", "rotate", "quota"]) {
      expect(overview).toMatch(new RegExp(`^ +${name} +[A-Z]`, "m"));
    }
  });

  test("says so when nothing listens, and when the key is not the administrator's", async () => {
    const nobody = await runOcp(target, ["keys"], { OCP_URL: "http://127.0.0.1:1" });
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("Nothing listens at http://127.0.0.1:1")]);
    const stranger = await run("keys", "--key", "ocp_not-the-right-one");
    expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining("does not know the key")]);
  });
});
