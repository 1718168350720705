/** The notices of packages that are published without their licence file, as their projects' sources state them. */

import { licenceText } from "./texts.ts";

export const supplements: Readonly<Record<string, () => string>> = {
  "@cfworker/json-schema": () => `Copyright (c) Jeremy Danyow\n\n${licenceText("MIT")}`,
  "@humanwhocodes/momoa": () => `Copyright (c) Nicholas C. Zakas\n\n${licenceText("Apache-2.0")}`,
  "@xterm/headless": () =>
    `Copyright (c) 2017-2019, The xterm.js authors (https://github.com/xtermjs/xterm.js)
Copyright (c) 2014-2016, SourceLair Private Company (https://www.sourcelair.com)
Copyright (c) 2012-2013, Christopher Jeffrey (https://github.com/chjj/)
Parts of it, from Visual Studio Code: Copyright (c) Microsoft Corporation

${licenceText("MIT")}`,
};
