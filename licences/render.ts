/** The notices as one text, for a terminal and for the file in a release. */

import type { Notice } from "./notices.ts";

const line = "=".repeat(78);

export function renderNotices(notices: readonly Notice[]): string {
  const list = notices.map(({ name, version, licence }) => `${name} ${version}: ${licence}`);
  const head = `OCP is under the MIT licence. Its binary holds these, under their own:\n\n${list.join("\n")}\n`;
  const each = notices.map(
    ({ name, version, licence, text }) => `${line}\n${name} ${version}: ${licence}\n${line}\n\n${text}\n`,
  );
  return [head, ...each].join("\n");
}
