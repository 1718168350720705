/**
 * What a client goes on sending when its answer is decided, such as the rest of a body that is too large. Bun (1.4.5)
 * reads it over for as long as it comes; and a connection that is closed while it comes loses the answer. So it is
 * read over for a while, beside the answer, and then the connection is closed.
 */

/** Bytes of an announced body that Bun may read over by itself: the connection stays open for the next request. */
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

  /** Never rejects: a client that leaves is what is waited for. */
  async function readOver(body: ReadableStream<Uint8Array>, isDone: () => boolean): Promise<void> {
    const reader = body.getReader();
    const stop = () => void reader.cancel().catch(() => {});
    const end = setTimeout(stop, limits.time);
    const quiet = setTimeout(stop, limits.quiet);
    try {
      for (let bytes = 0; bytes <= limits.bytes && !isDone(); ) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.length;
        quiet.refresh();
      }
    } catch {
      // It was cut off.
    } finally {
      clearTimeout(end);
      clearTimeout(quiet);
    }
  }

  return {
    async see(request, response) {
      if (!hasMore(request, response.status)) return response;
      response.headers.set("connection", "close");
      const { body } = request;
      if (body === null || response.body === null || count >= limits.count) return response;
      count++;
      const answer = await response.bytes();
      let left = false;
      const beside = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(answer);
          await readOver(body, () => left);
          count--;
          if (!left) controller.close();
        },
        cancel() {
          left = true;
        },
      });
      return new Response(beside, { status: response.status, headers: response.headers });
    },
  };
}

/**
 * Whether more may come than is worth waiting for: a long rest, or any after a 408. A body that was read to its end is
 * locked by its reader.
 */
function hasMore({ headers, body }: Request, status: number): boolean {
  if (body?.locked) return false;
  return status === 408 || headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > small;
}
