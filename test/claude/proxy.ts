/** A proxy on loopback that lets nothing out and remembers who was asked for: what a process would ask the network. */

export interface RefusingProxy extends AsyncDisposable {
  url: string;
  /** The first line of each request, such as `CONNECT api.anthropic.com:443 HTTP/1.1`. */
  asked: string[];
}

export function startRefusingProxy(): RefusingProxy {
  const asked: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, data) {
        asked.push(data.toString().split("\r\n")[0] ?? "");
        socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
      },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.stop(true);
    },
  };
}
