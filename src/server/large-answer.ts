/** Sends an answer in JSON. A large one is charged to its caller until it has been read, since until then it is kept. */

import type { Exchange } from "./exchange.ts";

/** Characters; the system's own buffers take what is smaller. */
const large = 65_536;

/** `headers` are added to the response's. The charge of the request, `exchange.held`, ends with the exchange. */
export function sendJson(
  body: unknown,
  exchange: Pick<Exchange, "held" | "end" | "streaming">,
  headers: Record<string, string> = {},
): Response {
  const text = JSON.stringify(body);
  if (text.length <= large) return Response.json(body, { headers });
  const bytes = new TextEncoder().encode(text);
  // No refusal: the answer is there, and may have been paid for.
  exchange.held?.add(bytes.length);
  exchange.streaming = true;
  let sent = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(sent, sent + large));
        sent += large;
        if (sent < bytes.length) return;
        controller.close();
        exchange.end(200);
      },
      cancel: () => exchange.end(200),
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { headers: { "content-type": "application/json;charset=utf-8", ...headers } });
}
