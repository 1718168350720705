/** Reasons why tests are skipped: in their titles, in the runner's JUnit report, and at the end of a run. */

import { type RequirementName, requirementNames, requirements } from "./requirements.ts";

export interface Skipped {
  file: string;
  /** The title, and those of the suites around it. */
  title: string;
  needs: RequirementName[];
}

/** The title of a test that cannot run here. */
export const withReason = (title: string, missing: readonly RequirementName[]): string =>
  `${title} (needs ${missing.join(", ")})`;

/** The skipped tests of a JUnit report. The runner lists the hooks of a skipped suite among them, without a name. */
export function skippedTests(report: string): { tests: Skipped[]; hooks: number } {
  const cases = [...report.matchAll(/<testcase ([^>]*)>\s*<skipped\b/g)].map(([, attributes = ""]) => attributes);
  const tests = cases.filter((attributes) => attributeOf(attributes, "name") !== "(unnamed)");
  return { tests: tests.map(skippedTest), hooks: cases.length - tests.length };
}

function skippedTest(attributes: string): Skipped {
  const title = `${attributeOf(attributes, "classname")} > ${attributeOf(attributes, "name")}`;
  const named = [...title.matchAll(/ \(needs ([^)]+)\)/g)].flatMap(([, names = ""]) => names.split(", "));
  return {
    file: attributeOf(attributes, "file"),
    title,
    needs: requirementNames.filter((name) => named.includes(name)),
  };
}

function attributeOf(attributes: string, name: string): string {
  const value = ` ${attributes}`.split(` ${name}="`)[1]?.split('"')[0] ?? "";
  return value.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

/** The end of a run in words: which requirement how many tests were skipped for, and what brings it. Empty without any. */
export function skippedText(skipped: readonly Skipped[]): string {
  if (skipped.length === 0) return "";
  const wanting = (name: RequirementName) => skipped.filter(({ needs }) => needs.includes(name));
  const wanted = requirementNames.filter((name) => wanting(name).length > 0);
  const rows = wanted.map((name) => [name, filesOf(wanting(name))] as const);
  const silent = skipped.filter(({ needs }) => needs.length === 0);
  if (silent.length > 0) rows.push(["no reason" as RequirementName, filesOf(silent)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const packages = [...new Set(wanted.flatMap((name) => requirements[name].package ?? []))].sort();
  const remedies = wanted.flatMap((name) => {
    const { package: brings, remedy } = requirements[name];
    return brings === null ? `For ${name}: ${remedy}.` : [];
  });
  return [
    `${skipped.length} skipped, for want of:`,
    ...rows.map(([name, files]) => `  ${name.padEnd(width)}  ${files}`),
    ...(packages.length > 0 ? [`To run them, as root on Debian: apt-get install ${packages.join(" ")}`] : []),
    ...remedies,
    "",
  ].join("\n");
}

function filesOf(tests: readonly Skipped[]): string {
  const files = [...new Set(tests.map(({ file }) => file))].sort();
  return files.map((file) => `${tests.filter((each) => each.file === file).length} in ${file}`).join(", ");
}
