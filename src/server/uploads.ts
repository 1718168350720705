/**
 * Bounds on the bodies that are being sent at the same time: how many, how many of one neighbour, and how much of them
 * is in memory. A body that stops coming is cut by who reads it (body.ts), so no place is held for ever.
 */

import { isLoopback, neighbourOf } from "../core/address.ts";
import { OcpError } from "../core/errors.ts";

export interface UploadLimits {
  /** Bodies at the same time. */
  count: number;
  /** Of one neighbour; programs on this machine, a proxy among them, are not counted so. */
  each: number;
  /** Bytes of all of them together. */
  bytes: number;
}

export interface Upload {
  /** Called for each piece. Throws OcpError queue_full when there is no memory left for it. */
  add(bytes: number): void;
  /** Gives all back. */
  end(): void;
}

export interface Uploads {
  /** Throws OcpError queue_full when too many bodies are being sent. */
  begin(request: Request): Upload;
}

export interface UploadsOptions {
  limits: UploadLimits;
  /** The peer's address; null when unknown. */
  addressOf: (request: Request) => string | null;
  /** Lifts the server's own timeout for this request or sets it back: it cuts bodies that come slowly but steadily. */
  lift: (request: Request, lifted: boolean) => void;
}

export function createUploads({ limits, addressOf, lift }: UploadsOptions): Uploads {
  const byNeighbour = new Map<string, number>();
  let count = 0;
  let bytes = 0;

  return {
    begin(request) {
      const address = addressOf(request);
      const neighbour = address === null || isLoopback(address) ? null : neighbourOf(address);
      const own = neighbour === null ? 0 : (byNeighbour.get(neighbour) ?? 0);
      if (count >= limits.count || own >= limits.each) throw tooMany();
      count++;
      if (neighbour !== null) byNeighbour.set(neighbour, own + 1);
      lift(request, true);
      let held = 0;
      return {
        add(more) {
          if (bytes + more > limits.bytes) throw tooMany();
          bytes += more;
          held += more;
        },
        end() {
          count--;
          bytes -= held;
          const left = neighbour === null ? 0 : (byNeighbour.get(neighbour) ?? 1) - 1;
          if (neighbour !== null && left > 0) byNeighbour.set(neighbour, left);
          else if (neighbour !== null) byNeighbour.delete(neighbour);
          lift(request, false);
        },
      };
    },
  };
}

function tooMany(): OcpError {
  return new OcpError("queue_full", "Too many requests are being sent at the same time. Try again in a moment.", {
    retryAfter: 5,
  });
}
