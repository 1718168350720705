/** The Debian packages that the tests need: who may installs them, and one that is not there keeps out no other. */

import { expect, test } from "bun:test";
import type { RequirementName } from "../../scripts/requirements.ts";
import { type Installer, installSystemPackages } from "../../scripts/system-packages.ts";

/** A system on which apt-get installs all but `without`. */
function system(missing: RequirementName[], without: string[] = []) {
  const calls: string[] = [];
  let left = missing;
  const installer: Installer = {
    missing: () => left,
    async aptGet(args) {
      calls.push(args.filter((arg) => !arg.startsWith("-")).join(" "));
      const [command, ...names] = args.filter((arg) => !arg.startsWith("-"));
      if (command !== "install") return true;
      if (names.some((name) => without.includes(name))) return false;
      left = left.filter((name) => !names.includes(name));
      return true;
    },
    isRoot: true,
    hasAptGet: true,
  };
  return { calls, installer };
}

test("root on Debian gets all of them at once", async () => {
  const { calls, installer } = system(["zsh", "fish"]);
  expect(await installSystemPackages(installer)).toEqual([]);
  expect(calls).toEqual(["update", "install fish zsh"]);
});

test("a package that this system does not have keeps out no other", async () => {
  const { calls, installer } = system(["zsh", "fish"], ["fish"]);
  expect(await installSystemPackages(installer)).toEqual(["fish"]);
  expect(calls).toEqual(["update", "install fish zsh", "install fish", "install zsh"]);
});

test.each([
  ["an ordinary user", { isRoot: false }],
  ["a system without apt-get", { hasAptGet: false }],
])("nothing is tried by %s", async (_, less) => {
  const { calls, installer } = system(["zsh"]);
  expect(await installSystemPackages({ ...installer, ...less })).toEqual(["zsh"]);
  expect(calls).toEqual([]);
});

test("nothing is tried where nothing is missing", async () => {
  const { calls, installer } = system([]);
  expect(await installSystemPackages(installer)).toEqual([]);
  expect(calls).toEqual([]);
});
