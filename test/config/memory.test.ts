/** The memory that counts is the lowest limit that binds: the machine's, or any control group's above us. */

import { expect, test } from "bun:test";
import { defaultMemoryMax, defaultRequestMemory, readMachine } from "../../src/config/memory.ts";

const installed = 8_000_000_000;

function readerOf(files: Record<string, string>) {
  return (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };
}

test.each([
  ["no control groups", {}, installed],
  ["no limit", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n" }, installed],
  ["its own group's limit", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "5000\n" }, 5000],
  [
    "the limit of a group above",
    {
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/memory.max": "9000\n",
      "/sys/fs/cgroup/a/memory.max": "4000\n",
    },
    4000,
  ],
  ["a container's root group", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "3000\n" }, 3000],
  [
    "version 1",
    {
      "/proc/self/cgroup": "5:cpu,memory:/x\n4:cpuset:/y\n",
      "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000\n",
      "/sys/fs/cgroup/memory/y/memory.limit_in_bytes": "1\n",
    },
    2000,
  ],
  [
    "a limit over what is installed",
    { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "9223372036854771712\n" },
    installed,
  ],
])("with %s", (_, files, memory) => {
  expect(readMachine(readerOf(files as Record<string, string>), installed)).toEqual({ memory });
});

test("the default is 60 % of it, in whole bytes", () => {
  expect(defaultMemoryMax({ memory: 1001 })).toBe(600);
});

test.each([
  [0.4, 256],
  [1, 256],
  [4, 512],
  [8, 1024],
  [64, 1024],
])("requests may take an eighth of it, within bounds: with %d GiB %d MiB", (gib, mib) => {
  expect(defaultRequestMemory({ memory: gib * 2 ** 30 })).toBe(mib * 2 ** 20);
});

test("this machine has some", () => {
  expect(readMachine().memory).toBeGreaterThan(0);
});
