/** HTTP as a program without manners speaks it: bytes on a socket, and what comes back until it closes. */

import { connect, type Socket } from "node:net";

export interface RawSocket extends Disposable {
  socket: Socket;
  /** What has come so far. */
  text(): string;
  /** Resolves once this has come; rejects when the connection ends without it. */
  said(text: string): Promise<void>;
  /** Resolves with all that came, when the other side has closed the connection. */
  closed: Promise<string>;
}

export interface RawOptions {
  port: number;
  host?: string;
  /** Where it comes from, an address of this machine. */
  from?: string;
}

export function raw({ port, host = "127.0.0.1", from }: RawOptions, first: string | Uint8Array = ""): RawSocket {
  const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
  const closed = Promise.withResolvers<string>();
  let waiting: Array<{ text: string; resolve: () => void; reject: (why: Error) => void }> = [];
  let text = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
    for (const one of waiting.filter((each) => text.includes(each.text))) one.resolve();
    waiting = waiting.filter((each) => !text.includes(each.text));
  });
  // A reset is a way of closing.
  socket.on("error", () => {});
  socket.on("close", () => {
    for (const { text: wanted, reject } of waiting)
      reject(new Error(`closed without ${JSON.stringify(wanted)}: ${text}`));
    closed.resolve(text);
  });
  if (first.length > 0) socket.write(first);
  return {
    socket,
    text: () => text,
    said(wanted) {
      if (text.includes(wanted)) return Promise.resolve();
      return new Promise((resolve, reject) => waiting.push({ text: wanted, resolve, reject }));
    },
    closed: closed.promise,
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** The head of a request, with a Host that a server on this machine takes. */
export function head(method: string, path: string, headers: Record<string, string | number> = {}): string {
  const lines = Object.entries({ Host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Writes blocks as fast as they are taken, until the connection is closed. Returns how many bytes went out. */
export async function flood({ socket, closed }: RawSocket, block: Uint8Array): Promise<number> {
  let sent = 0;
  let open = true;
  void closed.then(() => {
    open = false;
  });
  while (open) {
    sent += block.length;
    const drained = socket.write(block)
      ? new Promise(setImmediate)
      : new Promise((resolve) => socket.once("drain", resolve));
    await Promise.race([drained, closed]);
  }
  return sent;
}
