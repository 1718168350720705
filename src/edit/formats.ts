/** The formats by the names under which the record of a connection knows them. */

import type { Format } from "./format.ts";
import { json5, jsonc } from "./json.ts";
import { lines } from "./lines.ts";
import { toml } from "./toml.ts";
import { whole } from "./whole.ts";
import { yaml } from "./yaml.ts";

export const formats = { jsonc, json5, toml, yaml, lines, whole } as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;
