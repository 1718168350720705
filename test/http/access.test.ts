/** The table of who may do what, as far as it is a table; test/http/matrix.test.ts asks every route for everyone. */

import { describe, expect, test } from "bun:test";
import { demandRows, demandSameRow, permit, rows } from "../../src/server/access.ts";
import type { Identity } from "../../src/server/auth.ts";
import { fits, segmentsOf } from "../../src/server/methods.ts";
import { serve } from "./served.ts";

test("every route of the application has a row", () => {
  const { app } = serve();
  expect(app.routes.length).toBeGreaterThan(15);
  expect(() => demandRows(app.routes)).not.toThrow();
});

test("every row is about a route that there is", () => {
  const routes = serve().app.routes.map(({ method, path }) => ({ method, segments: segmentsOf(path) }));
  const idle = rows.filter(
    ([method, path]) =>
      !routes.some((route) => (method === "ALL" || route.method === method) && fits(segmentsOf(path), route.segments)),
  );
  // Below these there is nothing, and shall be nobody else's.
  const expected = ["/connect/*", "/settings/*", "/events/*"];
  expect(idle.map(([, path]) => path)).toEqual(expected);
});

test.each([
  ["GET", "/v1/secrets"],
  ["PATCH", "/sessions"],
  ["POST", "/health"],
  ["GET", "/v1/models/:id/owner"],
  ["GET", "/:anything"],
  ["ALL", "/v1/models"],
])("a route that has none is named: %s %s", (method, path) => {
  const known = { method: "GET", path: "/health" };
  expect(() => demandRows([known, { method, path }])).toThrow(`No row in access.ts: ${method} ${path}`);
});

describe("a route that was reached by another row's path does not run", () => {
  test.each([
    ["GET", "/settings", "/v1/models"],
    ["GET", "/anything", "/settings"],
    ["GET", "/v1/%6dodels", "/status"],
  ])("%s %s, taken for %s", (method, path, route) => {
    expect(() => demandSameRow(method, path, route)).toThrow(route);
  });

  test.each([
    ["GET", "/v1/models/", "/v1/models"],
    ["HEAD", "/v1/models/a%2Fb", "/v1/models/:id"],
    ["GET", "/dashboard/", "/dashboard/*"],
    ["PUT", "/v1/embeddings", "/v1/embeddings"],
    ["DELETE", "/api/keys/7", "/api/keys/:id"],
  ])("%s %s is %s", (method, path, route) => {
    expect(() => demandSameRow(method, path, route)).not.toThrow();
  });
});

describe("what lies below an area is the area's", () => {
  const user: Identity = {
    principal: { id: "key-1", name: "tablet", role: "user", keyId: 1 },
    refusal: "",
    wrongKey: false,
    local: false,
    metrics: false,
  };
  test.each([
    ["GET", "/api/keys"],
    ["GET", "/api/keys/"],
    ["PUT", "/api/keys/tablet/anything/else"],
    ["HEAD", "/settings/timeout"],
    ["GET", "/cache/stats"],
    ["GET", "/events"],
  ])("%s %s is not for users", (method, path) => {
    expect(() => permit(method, path, user)).toThrow("administrator");
  });
});
