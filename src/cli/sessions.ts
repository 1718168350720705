/** `ocp sessions` and `ocp clear`: a server's conversations that have a live process, and the end of those. */

import { columns, exitCodes, type Host, write } from "./output.ts";
import { connectRemote } from "./remote.ts";
import { cleared, sessionList } from "./shapes.ts";

/** As `GET /sessions` lists them. */
interface Session {
  id: string;
  /** Whose it is; only the admin is told. */
  principal?: string;
  pid: number;
  model: string;
  state: string;
  messages: number;
  turns: number;
  /** ISO 8601. */
  createdAt: string;
  lastUsedAt: string;
}

type Arguments = Readonly<Record<string, unknown>>;

export async function listSessions(args: Arguments, host: Host): Promise<number> {
  const { sessions } = await connectRemote(args, host).request<{ sessions: Session[] }>(
    "GET",
    "/sessions",
    sessionList,
  );
  const text = sessions.length === 0 ? "No conversation has a live process.\n" : table(sessions);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(sessions, null, 2)}\n` : text);
  return exitCodes.ok;
}

export async function clearSessions(args: Arguments, host: Host): Promise<number> {
  const answer = await connectRemote(args, host).request<{ cleared: number }>("DELETE", "/sessions", cleared);
  const text = `${answer.cleared} ${answer.cleared === 1 ? "process" : "processes"} ended; running answers go on.\n`;
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(answer, null, 2)}\n` : text);
  return exitCodes.ok;
}

function table(sessions: readonly Session[]): string {
  const showsWhose = sessions.some(({ principal }) => principal !== undefined);
  const whose = (cell: string) => (showsWhose ? [cell] : []);
  return columns([
    ["ID", ...whose("WHOSE"), "PID", "MODEL", "STATE", "MESSAGES", "TURNS", "SINCE", "LAST USED"],
    ...sessions.map((session) => [
      session.id,
      ...whose(session.principal ?? "-"),
      String(session.pid),
      session.model,
      session.state,
      String(session.messages),
      String(session.turns),
      localTime(session.createdAt),
      localTime(session.lastUsedAt),
    ]),
  ]);
}

/** `2026-11-22 10:05:00` on this machine's clock. */
function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}
