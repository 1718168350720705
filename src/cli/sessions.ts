/** `ocp sessions` and `ocp clear`: a server's conversations, whether they have a process or hibernate, and their end. */

import { countedReasons } from "../core/start-reasons.ts";
import { columns, exitCodes, type Host, write } from "./output.ts";
import { connectRemote } from "./remote.ts";
import { cleared, sessionList } from "./shapes.ts";

/** As `GET /sessions` lists them. */
interface Session {
  id: string;
  /** Whose it is; only the admin is told. */
  principal?: string;
  /** Null while it hibernates. */
  pid: number | null;
  model: string;
  state: string;
  /** Why it hibernates. This and the next two are missing where the server is of an older version. */
  ended?: string | null;
  messages: number;
  turns: number;
  /** The part of the input that was read from the prompt cache. */
  cacheHit?: number | null;
  /** How often the history was entered into another process, by the reason. */
  rebuilds?: Record<string, number>;
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
  const text = sessions.length === 0 ? "No conversation has a live process, and none hibernates.\n" : table(sessions);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(sessions, null, 2)}\n` : text);
  return exitCodes.ok;
}

export async function clearSessions(args: Arguments, host: Host): Promise<number> {
  const remote = connectRemote(args, host);
  const answer = await remote.request<{ cleared: number; forgotten?: number }>("DELETE", "/sessions", cleared);
  const { cleared: ended, forgotten = 0 } = answer;
  const also = forgotten === 0 ? "" : `, ${counted(forgotten, "hibernated conversation")} forgotten`;
  const text = `${counted(ended, "process", "processes")} ended${also}; running answers go on.\n`;
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(answer, null, 2)}\n` : text);
  return exitCodes.ok;
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

function table(sessions: readonly Session[]): string {
  const showsWhose = sessions.some(({ principal }) => principal !== undefined);
  const whose = (cell: string) => (showsWhose ? [cell] : []);
  return columns([
    ["ID", ...whose("WHOSE"), "PID", "MODEL", "STATE", "MESSAGES", "TURNS", "CACHED", "REBUILT", "SINCE", "LAST USED"],
    ...sessions.map((session) => [
      session.id,
      ...whose(session.principal ?? "-"),
      session.pid === null ? "-" : String(session.pid),
      session.model,
      session.ended ? `${session.state} (${session.ended})` : session.state,
      String(session.messages),
      String(session.turns),
      typeof session.cacheHit === "number" ? `${Math.floor(100 * session.cacheHit)} %` : "-",
      countedReasons(session.rebuilds ?? {}) ?? "-",
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
