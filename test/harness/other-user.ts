/** A server of another user of this machine, which keeps the keys that it is sent. It takes root to start one. */

export interface OtherUser extends AsyncDisposable {
  port: number;
  /** The keys that came, null for a request without one. */
  keys(): Promise<Array<string | null>>;
}

/** The user `nobody` of Debian. */
export const otherUid = 65_534;

const program = `
  const keys = [];
  process.setgid(${otherUid});
  process.setuid(${otherUid});
  const server = Bun.serve({
    hostname: process.argv[1],
    port: Number(process.argv[2]),
    fetch(request) {
      if (request.url.endsWith("/keys-so-far")) return Response.json(keys);
      keys.push(request.headers.get("authorization"));
      return Response.json({ error: { message: "A key is wanted." } }, { status: 401 });
    },
  });
  console.log(server.port);
`;

/** Listens at the address; `port` 0 is a free one. */
export async function listenAsOtherUser(hostname = "127.0.0.1", port = 0): Promise<OtherUser> {
  const child = Bun.spawn([process.execPath, "-e", program, hostname, String(port)], {
    cwd: "/",
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const listening = Number(new TextDecoder().decode(value));
  if (!listening) throw new Error("The other user's server did not start.");
  return {
    port: listening,
    keys: async () =>
      (await fetch(`http://127.0.0.1:${listening}/keys-so-far`)).json() as Promise<Array<string | null>>,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
