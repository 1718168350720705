/** The texts of licences that stand in no package. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Licence =
  | "Apache-2.0"
  | "BSD-2-Clause"
  | "BSD-3-Clause"
  | "ISC"
  | "LGPL-2"
  | "LGPL-2.1"
  | "MIT"
  | "Unicode-3.0"
  | "Zlib";

export function licenceText(name: Licence): string {
  return readFileSync(join(import.meta.dir, "texts", `${name}.txt`), "utf8").trim();
}
