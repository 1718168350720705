/** The environment that a process was started with, as the system tells it. */

import { expect, test } from "bun:test";
import { fromLine, startValuesOf } from "../../src/claude/start-environment.ts";
import { testEnv } from "../harness/env.ts";
import { createTemp } from "../harness/temp.ts";

const names = ["URL", "BODY"] as const;
const mark = "MARK=/home/me/.ocp/spawn-home/tmp/7-1";
const args = ["-p", "--tools", "", "--model", "claude-sonnet-5-5"];
const command = `/opt/claude ${args.join(" ")}`;

test.each([
  { what: "values", line: `${command} A=1 URL=http://gateway:8080 ${mark} BODY=x`, is: ["http://gateway:8080", "x"] },
  { what: "variables that are not set", line: `${command} ${mark} XURL=1 MY_BODY=2\n`, is: [undefined, undefined] },
  { what: "an empty value", line: `${command} URL= ${mark}`, is: ["", undefined] },
  { what: "a value that may hold spaces", line: `${command} ${mark} BODY={"a": "b c"} Z=1`, is: null },
  { what: "a value that holds what looks like a variable", line: `${command} ${mark} BODY={"a":"b C=1"}`, is: null },
  { what: "a variable that stands there twice", line: `${command} ${mark} URL=a URL=b`, is: null },
  { what: "another process", line: `${command} URL=a ${mark}1`, is: null },
  {
    what: "an option before the arguments",
    line: `/opt/claude --settings x ${args.join(" ")} URL=a ${mark}`,
    is: null,
  },
  {
    what: "an interpreter with options of its own",
    line: `/usr/bin/node --no-warnings /opt/cli.js ${args.join(" ")} URL=a ${mark}`,
    is: ["a", undefined],
  },
  {
    what: "an option behind an interpreter's script",
    line: `/usr/bin/node /opt/cli.js --settings x ${args.join(" ")} URL=a ${mark}`,
    is: null,
  },
  { what: "an option behind them", line: `${command} --settings x URL=a ${mark}`, is: null },
  { what: "other arguments", line: `/opt/claude -p URL=a ${mark}`, is: null },
  { what: "a process whose environment is not shown", line: command, is: null },
  { what: "no process", line: "", is: null },
])("a line of ps: $what", ({ line, is }) => {
  expect(fromLine(line, { names, mark, args })).toEqual(is && { URL: is[0], BODY: is[1] });
});

test("is read of a process that has the mark, and of no other", async () => {
  await using temp = await createTemp();
  const child = Bun.spawn(["cat", "-u"], {
    env: testEnv(temp.home, { MARK: "mine", URL: "http://a=b c/" }),
    stdin: "pipe",
    stdout: "pipe",
  });
  // It has become the program once it answers.
  child.stdin.write("x");
  child.stdin.flush();
  await child.stdout.getReader().read();
  const read = (pid: unknown, mark: string) => startValuesOf({ pid, names, mark, args: ["-u"] });
  if (process.platform === "linux") {
    expect(await read(child.pid, "MARK=mine")).toEqual({ URL: "http://a=b c/", BODY: undefined });
  }
  expect(await read(child.pid, "MARK=other")).toBeNull();
  for (const args of [["-n"], ["-u", "-n"]]) {
    expect(await startValuesOf({ pid: child.pid, names, mark: "MARK=mine", args })).toBeNull();
  }
  // An argument that is not among those that were given.
  expect(await startValuesOf({ pid: child.pid, names, mark: "MARK=mine", args: [] })).toBeNull();
  for (const pid of [process.pid, 0, -1, 1.5, undefined, "self", `${child.pid}`]) {
    expect(await read(pid, "MARK=mine")).toBeNull();
  }
  child.kill("SIGKILL");
  await child.exited;
  expect(await read(child.pid, "MARK=mine")).toBeNull();
});
