/** `/swagger`: the API's document and a page that shows it, from assets inside the binary alone. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundlePath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { documentation } from "../openapi.ts";

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>OCP API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/swagger/ui.css">
  </head>
  <body>
    <div id="ui"></div>
    <script src="/swagger/ui.js"></script>
    <script src="/swagger/start.js"></script>
  </body>
</html>
`;

/** Without \`validatorUrl: null\` the page would show a badge that swagger.io makes. */
const start = `SwaggerUIBundle({
  url: "/swagger/json",
  dom_id: "#ui",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  validatorUrl: null,
});
`;

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

export function docsRoutes(version: string) {
  const script = createAsset(bundlePath, "text/javascript; charset=utf-8", version);
  const style = createAsset(stylePath, "text/css; charset=utf-8", version);
  const hidden = { detail: { hide: true } };
  return (
    new Elysia({ name: "docs" })
      .use(swagger({ path: "/swagger", documentation: documentation(version) }))
      // After the plugin, whose own page on this path loads its scripts from the internet: the later route counts.
      .get("/swagger", () => new Response(page, { headers: pageHeaders }), hidden)
      .get("/swagger/ui.js", ({ request }) => script(request), hidden)
      .get("/swagger/ui.css", ({ request }) => style(request), hidden)
      .get(
        "/swagger/start.js",
        () => new Response(start, { headers: { "content-type": "text/javascript; charset=utf-8" } }),
        hidden,
      )
  );
}

const compress = promisify(gzip);

/** Serves an embedded file, compressed once when it is first asked for, and known to caches by our version. */
function createAsset(path: string, type: string, version: string): (request: Request) => Promise<Response> {
  const etag = `"${version}"`;
  let compressed: Promise<Uint8Array<ArrayBuffer>> | null = null;
  return async (request) => {
    const headers: Record<string, string> = {
      "content-type": type,
      "cache-control": "public, max-age=86400",
      vary: "accept-encoding",
      etag,
    };
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
    if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? ""))
      return new Response(Bun.file(path), { headers });
    compressed ??= Bun.file(path)
      .bytes()
      .then((bytes) => compress(bytes));
    return new Response(await compressed, { headers: { ...headers, "content-encoding": "gzip" } });
  };
}
