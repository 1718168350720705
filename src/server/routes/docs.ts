/** `/swagger`: the API's document and a page that shows it, from assets inside the binary alone. */

import { type AnyElysia, Elysia } from "elysia";
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
};

/** `described` are the routes that the document is about. */
export function docsRoutes(version: string, described: readonly AnyElysia[]) {
  const script = createAsset(bundlePath, "text/javascript; charset=utf-8", version);
  const style = createAsset(stylePath, "text/css; charset=utf-8", version);
  let document: Promise<object> | null = null;
  const hidden = { detail: { hide: true } };
  return new Elysia({ name: "docs" })
    .get("/swagger", () => new Response(page, { headers: pageHeaders }), hidden)
    .get(
      "/swagger/json",
      () => {
        document ??= describe(version, described);
        return document;
      },
      hidden,
    )
    .get("/swagger/ui.js", ({ request }) => script(request), hidden)
    .get("/swagger/ui.css", ({ request }) => style(request), hidden)
    .get(
      "/swagger/start.js",
      () => new Response(start, { headers: { "content-type": "text/javascript; charset=utf-8" } }),
      hidden,
    );
}

/**
 * The API's document. The plugin is loaded when somebody wants it, since it takes a fifth of a server's start; and it
 * serves an application of its own, since its page on `/swagger` would load scripts from the internet.
 */
async function describe(version: string, described: readonly AnyElysia[]): Promise<object> {
  const { swagger } = await import("@elysiajs/swagger");
  const app = new Elysia().use(swagger({ path: "/swagger", documentation: documentation(version) }));
  for (const routes of described) app.use(routes);
  const response = await app.handle(new Request("http://localhost/swagger/json"));
  return (await response.json()) as object;
}

/** In the background; zlib is loaded when it is first wanted, since it takes 2 ms of a server's start. */
async function compress(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const { gzip } = await import("node:zlib");
  return new Promise((resolve, reject) => gzip(bytes, (error, result) => (error ? reject(error) : resolve(result))));
}

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
    compressed ??= Bun.file(path).bytes().then(compress);
    return new Response(await compressed, { headers: { ...headers, "content-encoding": "gzip" } });
  };
}
