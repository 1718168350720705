/**
 * Who may do what, asked of the built binary: every route, every method, every key, from this machine and from the
 * LAN. What is expected stands here as the design says it, and not as src/server/access.ts does.
 */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { runInNamespace } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { type Asked, type From, type KeyName, methods, setups } from "./matrix.ts";
import { serve } from "./served.ts";

/** The columns. A `remote` is a stranger where no key is wanted. */
type Role = "stranger" | "remote" | "user" | "anonymous" | "admin" | "metrics";
type Verdict = "yes" | 401 | 403;

interface Row {
  /** `GET` stands for HEAD too, `*` for every method. */
  routes: string[];
  verdicts: Record<Role, Verdict>;
}

const all: Row["verdicts"] = {
  stranger: "yes",
  remote: "yes",
  user: "yes",
  anonymous: "yes",
  admin: "yes",
  metrics: "yes",
};
const asking: Row["verdicts"] = { ...all, stranger: 401, metrics: 401 };
const own: Row["verdicts"] = { ...asking, remote: 401, anonymous: 403 };
const administration: Row["verdicts"] = { ...own, user: 403 };

const design: Row[] = [
  {
    routes: [
      "GET /",
      "GET /api/hello",
      "GET /health",
      "GET /dashboard",
      "GET /dashboard/app.js",
      "GET /dashboard/session",
      "DELETE /dashboard/session",
      "GET /swagger",
      "GET /swagger/json",
      "GET /swagger/ui.js",
      "GET /swagger/ui.css",
      "GET /swagger/start.js",
      "GET /connect",
    ],
    verdicts: all,
  },
  {
    routes: [
      "GET /v1/models",
      "GET /v1/models/sonnet",
      "POST /v1/chat/completions",
      "POST /v1/messages",
      "POST /v1/messages/count_tokens",
      "GET /v1/responses",
      "POST /v1/responses",
      "GET /v1/responses/resp_1",
      "DELETE /v1/responses/resp_1",
      "* /v1/embeddings",
      "* /v1/completions",
    ],
    verdicts: asking,
  },
  {
    routes: [
      "POST /dashboard/session",
      "GET /usage",
      "GET /api/usage",
      "GET /api/me",
      "GET /sessions",
      "DELETE /sessions",
    ],
    verdicts: own,
  },
  {
    routes: [
      "* /status",
      "* /logs",
      "* /settings",
      "* /cache",
      "* /cache/stats",
      "* /api/keys",
      "* /api/keys/nobody",
      "* /api/keys/nobody/quota",
      "* /api/keys/nobody/rotate",
      "GET /api/doctor",
      "* /events",
    ],
    verdicts: administration,
  },
  { routes: ["GET /metrics"], verdicts: { ...administration, metrics: "yes" } },
];

/** Where there is nothing, strangers do not learn it. */
const nothing = asking;

const rowOf = (method: string, path: string) =>
  design.find(({ routes }) =>
    routes.some((route) => [`${method === "HEAD" ? "GET" : method} ${path}`, `* ${path}`].includes(route)),
  );

/** Who somebody with this key is. */
function roleOf(setup: string, from: From, key: KeyName): Role {
  const isNone = setup.startsWith("none");
  const unnamed: Role =
    from === "loopback" ? (setup === "none, for itself" ? "admin" : "user") : isNone ? "remote" : "stranger";
  switch (key) {
    case "no key":
      return unnamed;
    case "any text":
      return isNone ? unnamed : "stranger";
    case "shared":
      return setup === "shared" ? "user" : isNone ? unnamed : "stranger";
    case "wrong":
    case "revoked":
    case "expired":
      return "stranger";
    default:
      return key;
  }
}

/** The routes that there are, with something in the place of their parameters. */
const served = serve().app.routes.map(({ method, path }) => ({
  method,
  path: path
    .replace(/^\/v1\/models\/:\w+/, "/v1/models/sonnet")
    .replace(/^\/v1\/responses\/:\w+/, "/v1/responses/resp_1")
    .replace(/:file\b/, "app.js")
    .replace(/:(idOrName|id|name)\b/, "nobody"),
}));
const paths = [...new Set(design.flatMap(({ routes }) => routes.map((route) => route.split(" ")[1]!)))];
const isServed = (path: string) => served.some((route) => route.path === path);

function expectedOf(setup: string, { from, key, method, path }: Asked): Verdict {
  if (method === "OPTIONS" && isServed(path)) return "yes";
  return (rowOf(method, path)?.verdicts ?? nothing)[roleOf(setup, from, key)];
}

function verdictOf({ status }: Asked): Verdict | number {
  if (status === 401 || status === 403) return status;
  return status < 429 ? "yes" : status;
}

test("the design has a row for each route that there is", () => {
  const missing = served.filter(({ method, path }) => !rowOf(method === "ALL" ? "*" : method, path));
  expect(missing).toEqual([]);
});

needs("network namespaces", "ip").describe.each(
  targets().filter((target) => target === "binary" || targets().length === 1),
)("everything is asked of the %s", (target) => {
  test.each(Object.keys(setups))(
    "in the mode %s, and each gets what the design says",
    async (setup) => {
      await using temp = await createTemp();
      const program = [
        process.execPath,
        join(import.meta.dir, "matrix.ts"),
        target,
        setup,
        ...paths,
        "/nothing",
        "/v1/nothing",
      ];
      const env = testEnv(temp.home, { OCP_TEST_TARGETS: process.env.OCP_TEST_TARGETS });
      const asked: Asked[] = JSON.parse(await runInNamespace(program, env));
      const senders = setup === "none, for itself" ? 1 : 2;
      expect(asked).toHaveLength(senders * 10 * methods.length * (paths.length + 2));
      const wrong = asked.filter((one) => verdictOf(one) !== expectedOf(setup, one));
      const told = wrong.map(
        ({ from, key, method, path, status }) => `${key} from ${from}: ${method} ${path} ${status}`,
      );
      expect(told).toEqual([]);
      const detailed = asked.filter(({ path, method }) => path === "/health" && method === "GET");
      for (const one of detailed) {
        const expected = one.from === "loopback" || one.key === "admin";
        expect([one.from, one.key, one.detailed]).toEqual([one.from, one.key, expected]);
      }
    },
    120_000,
  );
});
