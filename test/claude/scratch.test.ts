/** What a killed CLI leaves is swept up, by exact name: everything else at those places belongs to somebody. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { prepareScratch } from "../../src/claude/scratch.ts";
import { createTemp } from "../harness/temp.ts";

const pid = 4711;
const key = "0123456789abcdef0123456789abcdef";

function write(directory: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), "{}");
  }
}

/** The files below, by their path from there. */
function filesOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

async function prepared() {
  const temp = await createTemp();
  const { home } = temp;
  const path = join(temp.path, "spawn-home");
  const scratch = await prepareScratch({ path, realConfig: join(home, ".claude") });
  return { home, path, scratch, [Symbol.asyncDispose]: temp.remove };
}

describe("the scratch home", () => {
  const ofOthers = [
    `${pid}.tax-return.pdf`,
    `${pid}.json`,
    `${pid}.sock`,
    `${pid}.${key}.key`,
    ".claude.json",
    `.claude.json.tmp.${pid + 1}.0a1b2c`,
    `.claude.json.tmp.${pid}1.0a1b2c`,
    `.claude.json.tmp.${pid}.notes`,
    `.claude/${pid}.json`,
    `.claude/sessions/${pid + 1}.json`,
    `.claude/sessions/${pid}1.json`,
    `.claude/sessions/${pid + 1}.${key}.key`,
    `.claude/sessions/${pid}.notes.txt`,
    `.claude/sessions/${pid}.tax-return.key`,
    `.claude/sessions/${pid + 1}.${key}.key.tmp.0a1b2c3d`,
    `.claude/sessions/${pid}.${key}.key.tmp.notes`,
    `.claude/sessions/notes-${pid}.json`,
    `cc-socks/${pid}.sock`,
    ".cache/claude-cli-nodejs/-home/mcp-logs-c/2026-01-02.jsonl",
    "Library/Caches/claude-cli-nodejs/-home/mcp-logs-c/2026-01-02.jsonl",
  ];

  test("after a process in the owner's home, only what that process wrote is removed there", async () => {
    await using place = await prepared();
    const trace = place.scratch.begin();
    write(place.home, ofOthers);
    write(place.home, [
      `.claude/sessions/${pid}.json`,
      `.claude/sessions/${pid}.${key}.key`,
      `.claude/sessions/${pid}.${key}.key.tmp.0a1b2c3d`,
      `.claude.json.tmp.${pid}.0a1b2c`,
    ]);
    await trace.clear(pid, place.home);
    expect(filesOf(place.home)).toEqual([...ofOthers].sort());
  });

  test("after an isolated process, nothing of the owner's home is touched, and nothing of it is left in its own", async () => {
    await using place = await prepared();
    const trace = place.scratch.begin();
    const owners = [...ofOthers, `.claude/sessions/${pid}.json`, `.claude.json.tmp.${pid}.0a1b2c`];
    write(place.home, owners);
    write(trace.temporary, ["deep/file"]);
    write(place.path, [
      ".claude.json",
      `.claude.json.tmp.${pid}.0a1b2c`,
      `.claude/sessions/${pid}.json`,
      `.claude/sessions/${pid}.${key}.key`,
      `.claude/sessions/${pid}.${key}.key.tmp.0a1b2c3d`,
      `.claude/sessions/${pid + 1}.json`,
      `cc-socks/${pid}.sock`,
      `cc-socks/${pid + 1}.sock`,
      ".cache/claude-cli-nodejs/-spawn-home/mcp-logs-c/2026-01-02.jsonl",
      "Library/Caches/claude-cli-nodejs/-spawn-home/mcp-logs-c/2026-01-02.jsonl",
    ]);
    await trace.clear(pid, place.path);
    expect(filesOf(place.home)).toEqual([...owners].sort());
    expect(filesOf(place.path)).toEqual([
      `.claude.json`,
      `.claude/sessions/${pid + 1}.json`,
      `cc-socks/${pid + 1}.sock`,
    ]);
    expect(readdirSync(join(place.path, "tmp"))).toEqual([]);
  });

  test("is made again by the next process when it was deleted meanwhile", async () => {
    await using place = await prepared();
    rmSync(place.path, { recursive: true });
    const { temporary } = place.scratch.begin();
    expect(readdirSync(temporary)).toEqual([]);
    expect(temporary).toStartWith(place.path);
  });

  const configurations = [
    { name: "a whole configuration stays", text: '{"numStartups":3}', stays: true },
    { name: "a truncated one is removed", text: '{"numStartups": 3, "tru', stays: false },
    { name: "an empty one is removed", text: "", stays: false },
    { name: "one with variables is removed", text: '{"env":{"ANTHROPIC_BASE_URL":"http://a"}}', stays: false },
  ];
  test.each(configurations)("at the start, $name", async ({ text, stays }) => {
    await using temp = await createTemp();
    const file = join(temp.path, ".claude.json");
    writeFileSync(file, text);
    write(temp.path, [`.claude.json.tmp.${pid}.0a1b2c`, ".claude/.credentials.json", "tmp/1-1/left"]);
    write(temp.path, [".cache/claude-cli-nodejs/-spawn-home/mcp-logs-c/2026-01-02.jsonl"]);
    await prepareScratch({ path: temp.path, realConfig: join(temp.home, ".claude") });
    expect(filesOf(temp.path)).toEqual(stays ? [".claude.json"] : []);
    if (stays) expect(readFileSync(file, "utf8")).toBe(text);
  });
});
