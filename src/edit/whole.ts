/** Files that are ours from the first character to the last: what is there is what we wrote, or nothing. */

import type { Format } from "./format.ts";

export const whole: Format = {
  read: (text) => (text === "" ? undefined : text),
  change: (_, { value }) => (value === undefined ? "" : String(value)),
};
