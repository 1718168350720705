/** A real browser without a window and without a network: only the names that a test gives lead anywhere. */

import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import { browserPath, browsers } from "../../scripts/requirements.ts";
import { testEnv } from "./env.ts";
import { createTemp } from "./temp.ts";

export interface Browser extends AsyncDisposable {
  context: BrowserContext;
}

/** For `needs("chromium")`. Names lead to addresses of this machine; every other name leads nowhere. Throws when no Chromium is installed. */
export async function startBrowser(names: Readonly<Record<string, string>>): Promise<Browser> {
  const executablePath = browserPath();
  if (executablePath === null) throw new Error(`None of ${browsers.join(", ")} on the PATH: install Chromium.`);
  const temp = await createTemp();
  const rules = [
    ...Object.entries(names).map(([name, address]) => `MAP ${name} ${address}`),
    "MAP * ~NOTFOUND",
    "EXCLUDE 127.0.0.1",
    "EXCLUDE localhost",
  ];
  const context = await chromium.launchPersistentContext(join(temp.path, "profile"), {
    executablePath,
    headless: true,
    env: testEnv(temp.home),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Not every browser keeps pages out of private networks by itself, so this one must not either.
      "--disable-features=LocalNetworkAccessChecks",
      `--host-resolver-rules=${rules.join(", ")}`,
    ],
  });
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      await temp.remove();
    },
  };
}
