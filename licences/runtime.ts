/** The notice of the Bun runtime, which every binary carries, with what its LICENSE.md says that it links or embeds. */

import type { Notice } from "./notices.ts";
import { type Licence, licenceText } from "./texts.ts";

type Part = readonly [name: string, licence: string, copyright: string, source: string];

const linked: readonly Part[] = [
  [
    "JavaScriptCore, WebCore (WebKit)",
    "LGPL-2.0-or-later",
    "Apple Inc., KDE and others",
    "https://github.com/oven-sh/WebKit",
  ],
  ["TinyCC", "LGPL-2.1", "Fabrice Bellard and others", "https://github.com/tinycc/tinycc"],
  [
    "BoringSSL",
    "several: Apache-2.0, ISC, OpenSSL, MIT",
    "The OpenSSL Project, Google LLC and others",
    "https://boringssl.googlesource.com/boringssl/",
  ],
  ["Brotli", "MIT", "2009-2016 the Brotli Authors", "https://github.com/google/brotli"],
  ["libarchive", "several: mostly BSD-2-Clause", "Tim Kientzle and others", "https://github.com/libarchive/libarchive"],
  ["lol-html", "BSD-3-Clause", "2019 Cloudflare, Inc.", "https://github.com/cloudflare/lol-html"],
  [
    "ls-hpack, ls-qpack, lsquic",
    "MIT; parts of lsquic BSD-3-Clause",
    "LiteSpeed Technologies Inc; The Chromium Authors",
    "https://github.com/litespeedtech/lsquic",
  ],
  ["mimalloc", "MIT", "Microsoft Corporation, Daan Leijen", "https://github.com/microsoft/mimalloc"],
  [
    "picohttpparser",
    "MIT",
    "Kazuho Oku, Tokuhiro Matsuno, Daisuke Murase, Shigeo Mitsunari",
    "https://github.com/h2o/picohttpparser",
  ],
  ["Zstandard", "BSD-3-Clause", "Meta Platforms, Inc. and affiliates", "https://github.com/facebook/zstd"],
  ["simdutf", "Apache-2.0", "The simdutf authors", "https://github.com/simdutf/simdutf"],
  ["uSockets, uWebSockets", "Apache-2.0", "Alex Hultman and others", "https://github.com/uNetworking/uSockets"],
  ["zlib-ng", "Zlib", "Jean-loup Gailly, Mark Adler and others", "https://github.com/zlib-ng/zlib-ng"],
  [
    "c-ares",
    "MIT",
    "Massachusetts Institute of Technology; Daniel Stenberg and others",
    "https://github.com/c-ares/c-ares",
  ],
  [
    "ICU",
    "Unicode-3.0",
    "Unicode, Inc.; International Business Machines Corporation and others",
    "https://github.com/unicode-org/icu/blob/main/LICENSE",
  ],
  [
    "base64",
    "BSD-2-Clause",
    "Nick Galbreath, Wojciech Mula, Matthieu Darbois, Alfred Klomp",
    "https://github.com/aklomp/base64",
  ],
  ["libdeflate", "MIT", "Eric Biggers", "https://github.com/ebiggers/libdeflate"],
  [
    "libjpeg-turbo",
    "IJG, BSD-3-Clause, Zlib",
    "D. R. Commander, the Independent JPEG Group and others",
    "https://github.com/libjpeg-turbo/libjpeg-turbo",
  ],
  ["libspng", "BSD-2-Clause", "Randy and others", "https://github.com/randy408/libspng"],
  ["libwebp", "BSD-3-Clause", "2010 Google Inc.", "https://github.com/webmproject/libwebp"],
  ["Highway", "Apache-2.0", "Google LLC", "https://github.com/google/highway"],
  ["uucode", "MIT", "Jacob Sandlund", "https://github.com/jacobsandlund/uucode"],
  ["TigerBeetle (parts)", "Apache-2.0", "TigerBeetle, Inc.", "https://github.com/tigerbeetle/tigerbeetle"],
  [
    "LLVM libc++abi (parts)",
    "Apache-2.0 with LLVM exception",
    "the LLVM Project",
    "https://github.com/llvm/llvm-project",
  ],
  ["esbuild (parts ported)", "MIT", "2020 Evan Wallace", "https://github.com/evanw/esbuild"],
  ["SQLite", "public domain", "its authors", "https://sqlite.org"],
];

/** Packages of npm, all under the MIT licence. */
const embedded =
  "acorn acorn-walk assert browserify-zlib buffer constants-browserify crypto-browserify domain-browser events https-browserify os-browserify path-browserify process punycode querystring-es3 stream-browserify stream-http string_decoder timers-browserify tty-browserify url util vm-browserify";

const texts: readonly Licence[] = [
  ...(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Zlib", "Unicode-3.0", "Apache-2.0"] as const),
  ...(["LGPL-2", "LGPL-2.1"] as const),
];

export function runtimeNotice(): Notice {
  const parts = linked.map(
    ([name, licence, copyright, source]) => `- ${name}\n  ${licence}. Copyright: ${copyright}.\n  ${source}`,
  );
  const text = `Bun, https://bun.sh, is under the MIT licence. Copyright: Oven and the contributors to Bun.
Source: https://github.com/oven-sh/bun/tree/bun-v${Bun.version}

It links these libraries. Their full notices, also where several licences are named, are at the addresses:

${parts.join("\n")}

This software is based in part on the work of the Independent JPEG Group.

It embeds these packages of npm, each under the MIT licence, with the copyright of its authors:
${embedded.split(" ").join(", ")}.

JavaScriptCore and TinyCC are libraries under the GNU Lesser General Public License, whose text is below. You may change
them and use Bun with what you have changed: the source of Bun and of the WebKit that it links is public (above; the
commit of WebKit is in scripts/build/deps/webkit.ts of Bun), \`bun run build:local\` in it links them, and OCP, whose
source is public too, builds on any bun (\`bun build --compile --compile-executable-path\`). You may also debug such
changes by reverse engineering.

${texts.map((name) => `--- ${name} ---\n\n${licenceText(name)}`).join("\n\n")}`;
  return { name: "bun", version: Bun.version, licence: "MIT AND LGPL-2.0-or-later AND LGPL-2.1-only AND others", text };
}
