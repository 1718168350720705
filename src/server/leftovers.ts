/**
 * What a client goes on sending when its answer is decided, such as the rest of a body that is too large. Bun (1.4.5)
 * reads it over for as long as it comes; and a connection that is closed while it comes loses the answer. So it is
 * read over for a while, beside the answer, and then the connection is closed.
 */

/** Ms in which a body that is on its way already may end, so that the connection can stay open. */
const moment = 50;
/** Bytes that Bun may read over by itself, of a request whose method takes no body. */
const small = 65_536;

export interface LeftoverLimits {
  bytes: number;
  /** Ms, and of them without anything coming. */
  time: number;
  quiet: number;
  /** Connections at the same time; what is over is closed at once. */
  count: number;
}

export interface Leftovers {
  /** The response as it must go out. */
  see(request: Request, response: Response): Promise<Response>;
}

export function createLeftovers(limits: LeftoverLimits): Leftovers {
  let count = 0;

  /** Whether it came to its end. Never rejects: a client that leaves is what is waited for. */
  async function readOver(body: ReadableStream<Uint8Array>, left: AbortSignal): Promise<boolean> {
    const reader = body.getReader();
    let stopped = false;
    const stop = () => {
      stopped = true;
      void reader.cancel().catch(() => {});
    };
    const end = setTimeout(stop, limits.time);
    const quiet = setTimeout(stop, limits.quiet);
    left.addEventListener("abort", stop, { once: true });
    count++;
    try {
      for (let bytes = 0; bytes <= limits.bytes; ) {
        const { done, value } = await reader.read();
        if (done) return !stopped;
        bytes += value.length;
        quiet.refresh();
      }
      return false;
    } catch {
      return false;
    } finally {
      clearTimeout(end);
      clearTimeout(quiet);
      count--;
    }
  }

  return {
    async see(request, response) {
      if (!hasBody(request)) return response;
      const { body } = request;
      // Its reader has read it to its end.
      if (body?.locked) return response;
      if (body === null || count >= limits.count) return isLong(request) ? closing(response) : response;
      const left = new AbortController();
      const reading = readOver(body, left.signal);
      const isOver = await Promise.race([reading, Bun.sleep(moment).then(() => false)]);
      if (isOver || response.body === null) return isOver ? response : closing(response);
      const answer = await response.bytes();
      const beside = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(answer);
          await reading;
          if (!left.signal.aborted) controller.close();
        },
        cancel: () => left.abort(),
      });
      return closing(new Response(beside, { status: response.status, headers: response.headers }));
    },
  };
}

function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

function hasBody({ headers }: Request): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
}

function isLong({ headers }: Request): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length")) > small;
}
