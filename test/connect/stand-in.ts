/** Something at the address of a server: one that says what a test wants, quick and without a CLI behind it. */

export interface StandIn extends AsyncDisposable {
  /** `127.0.0.1:4000`. */
  address: string;
  url: string;
  /** Method and path of each request, and the key it brought. */
  requests: Array<{ path: string; key: string | null }>;
}

export interface Behaviour {
  health?: unknown;
  /** Null: nobody is asked for one. */
  key?: string | null;
  /** Answers to questions. */
  answer?: () => Response;
}

export const key = "ocp_stand_in_0123456789";

const model = { object: "model", created: 1, owned_by: "anthropic", context_window: 1000, max_output_tokens: 100 };
const ids = ["claude-opus-5", "claude-sonnet-4-6", "claude-haiku-4-5"];

export function startStandIn(behaviour: Behaviour = {}): StandIn {
  const wanted = behaviour.key === undefined ? key : behaviour.key;
  const requests: StandIn["requests"] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      const given = request.headers.get("authorization")?.replace("Bearer ", "") ?? null;
      requests.push({ path: `${request.method} ${pathname}`, key: given });
      const authMode = wanted === null ? "none" : "shared";
      if (pathname === "/health") {
        const { health = { status: "ok", version: "4.0.0", authMode } } = behaviour;
        return typeof health === "string" ? new Response(health) : Response.json(health);
      }
      if (wanted !== null && given !== wanted) {
        return Response.json({ error: { message: "No such key." } }, { status: 401 });
      }
      if (pathname === "/v1/models") return Response.json({ data: ids.map((id) => ({ id, ...model })) });
      if (pathname === "/v1/models/sonnet") return Response.json({ id: ids[1], ...model });
      if (pathname === "/v1/models/haiku") return Response.json({ id: ids[2], ...model });
      return behaviour.answer?.() ?? Response.json({ ok: true });
    },
  });
  const address = `127.0.0.1:${server.port}`;
  return {
    address,
    url: `http://${address}`,
    requests,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
