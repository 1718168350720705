/** Each client's file, however its user wrote it: our entry comes and goes, and nothing else changes. */

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { diffChars } from "diff";
import { type Fixture, fixtures } from "./fixtures.ts";
import { createMachine, filesOf, key, type Machine } from "./machine.ts";

/** The same text as other machines and editors have it. */
const forms: Array<[string, (text: string) => string]> = [
  ["as it is", (text) => text],
  ["with CRLF", (text) => text.replaceAll("\n", "\r\n")],
  ["with a byte order mark", (text) => `\uFEFF${text}`],
  ["with tabs", (text) => text.replace(/^( {2})+/gm, (blanks) => "\t".repeat(blanks.length / 2))],
  ["without an end of line", (text) => text.trimEnd()],
];

/** YAML takes no tabs. */
const applies = ({ file }: Fixture, form: string) => form !== "with tabs" || !/\.ya?ml$/.test(file);

/** Whether `after` is `before` with something put in. */
function isKept(before: string, after: string): boolean {
  return diffChars(before, after).every(({ removed }) => !removed);
}

async function machineWith({ client, file }: Fixture, text: string | null): Promise<Machine> {
  const machine = await createMachine(client === "shell" ? { SHELL: "/bin/bash" } : {});
  if (text !== null) machine.put(file, text);
  return machine;
}

describe.each(fixtures.map((fixture) => [fixture.client, fixture] as const))("%s", (client, fixture) => {
  const { file, text, ours, comment } = fixture;

  test.each(forms.filter(([form]) => applies(fixture, form)))(
    "a file of the user's %s gets our entry, and is as it was afterwards",
    async (_, form) => {
      await using machine = await machineWith(fixture, form(text));
      const before = filesOf(machine);
      machine.connect(client);
      const after = machine.read(file);
      expect(after).toMatch(ours);
      expect(isKept(form(text), after)).toBe(true);
      if (form(text).includes("\r\n")) expect(after.replaceAll("\r\n", "")).not.toContain("\n");
      machine.disconnect();
      expect(filesOf(machine)).toEqual(before);
    },
  );

  test("a home without anything of it gets what it needs, and is empty afterwards", async () => {
    await using machine = await machineWith(fixture, null);
    const before = filesOf(machine);
    machine.connect(client);
    expect(machine.read(fixture.newFile ?? file)).toMatch(ours);
    machine.disconnect();
    expect(filesOf(machine)).toEqual(before);
    const left = existsSync(machine.path(dirname(file)));
    expect(left).toBe(dirname(file) === ".");
  });

  test("what is written twice is written once", async () => {
    await using machine = await machineWith(fixture, text);
    machine.connect(client);
    const once = filesOf(machine);
    machine.connect(client);
    expect(filesOf(machine)).toEqual(once);
  });

  test("another server takes the place of the one before, which leaves nothing", async () => {
    await using machine = await machineWith(fixture, text);
    const before = filesOf(machine);
    machine.connect(client, { url: "http://10.0.0.1:9999", key: "ocp_old_key_000000" });
    machine.connect(client);
    const all = Object.entries(filesOf(machine)).filter(([name]) => !name.endsWith("connect.json"));
    expect(all.map(([, each]) => each).join("\n")).not.toMatch(/10\.0\.0\.1|ocp_old_key/);
    expect(machine.read(file)).toMatch(ours);
    machine.disconnect();
    expect(filesOf(machine)).toEqual(before);
  });

  test("what the user adds while it is connected stays, and our entry goes", async () => {
    await using machine = await machineWith(fixture, text);
    machine.connect(client);
    const added = comment("added later");
    machine.put(file, `${added}\n${machine.read(file)}`);
    expect(machine.disconnect()).toContain("taken-out");
    const left = machine.read(file);
    expect(left).not.toMatch(ours);
    expect(left.startsWith(`${added}\n`)).toBe(true);
    expect(left).not.toContain(key);
    // What is of the user's own comes back to the letter, but for the blanks where our entry was.
    expect(left.replace(/\s+/g, "")).toBe(`${added}\n${text}`.replace(/\s+/g, ""));
  });

  test("a link is followed and stays a link", async () => {
    await using machine = await machineWith(fixture, null);
    mkdirSync(dirname(machine.path(file)), { recursive: true });
    writeFileSync(machine.path("real"), text);
    symlinkSync(machine.path("real"), machine.path(file));
    machine.connect(client);
    expect(lstatSync(machine.path(file)).isSymbolicLink()).toBe(true);
    expect(machine.read("real")).toMatch(ours);
    machine.disconnect();
    expect(lstatSync(machine.path(file)).isSymbolicLink()).toBe(true);
    expect(machine.read("real")).toBe(text);
  });

  test("a link to nothing and a file that may not be changed are left alone and named", async () => {
    await using machine = await machineWith(fixture, text);
    chmodSync(machine.path(file), 0o444);
    const plan = machine.plan(client);
    expect(plan).toMatchObject({ kind: "failed", why: `${machine.path(file)} is read-only, so it is left alone.` });
    expect(machine.read(file)).toBe(text);

    await using other = await machineWith(fixture, null);
    mkdirSync(dirname(other.path(file)), { recursive: true });
    symlinkSync(other.path("nothing"), other.path(file));
    expect(other.plan(client)).toMatchObject({ kind: "failed", why: expect.stringContaining("is a link to nothing") });
  });

  test("what is no text is left alone and named", async () => {
    await using machine = await machineWith(fixture, null);
    mkdirSync(dirname(machine.path(file)), { recursive: true });
    writeFileSync(machine.path(file), new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]));
    expect(machine.plan(client)).toMatchObject({ kind: "failed", why: expect.stringContaining("is not UTF-8") });
  });

  test("a file with a key is its owner's alone, and has its own mode afterwards", async () => {
    await using machine = await machineWith(fixture, text);
    chmodSync(machine.path(file), 0o664);
    machine.connect(client);
    const mode = statSync(machine.path(file)).mode & 0o777;
    const holdsKey = machine.read(file).includes(key);
    expect(mode).toBe(holdsKey ? 0o600 : 0o664);
    machine.disconnect();
    expect(statSync(machine.path(file)).mode & 0o777).toBe(0o664);
    for (const [name, content] of Object.entries(filesOf(machine)))
      expect({ name, content }).not.toEqual({ name, content: expect.stringContaining(key) });
  });

  if (fixture.invalid === "") return;

  test("a file that is not understood is left alone and named", async () => {
    await using machine = await machineWith(fixture, fixture.invalid);
    const plan = machine.plan(client);
    expect(plan).toMatchObject({ kind: "failed" });
    expect(plan).toMatchObject({ why: expect.stringContaining(`${machine.path(file)} cannot be understood (`) });
    expect(machine.read(file)).toBe(fixture.invalid);
  });

  test("an older entry of our name is replaced, and comes back", async () => {
    await using machine = await machineWith(fixture, fixture.older);
    machine.connect(client);
    expect(machine.read(file)).toMatch(ours);
    expect(machine.read(file)).not.toMatch(/OLD|http:\/\/old|"old"|: old|\/old\.json|wire_api = "chat"/);
    machine.disconnect();
    expect(machine.read(file)).toBe(fixture.older);
  });
});
