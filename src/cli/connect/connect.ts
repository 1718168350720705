/** `ocp connect`: every client on this machine pointed to a server, after it was shown what that changes. */

import { networkInterfaces } from "node:os";
import modelsFile from "../../../models.json";
import { resolvePaths } from "../../config/paths.ts";
import { applyClient, type ClientChange, isDone, placeWithout, planClient } from "../../connect/change.ts";
import type { Client, Dialect, Endpoint, ServedModel, Wishes } from "../../connect/client.ts";
import { clients } from "../../connect/clients/all.ts";
import { configHome } from "../../connect/place.ts";
import { type Connection, createRecords, type Records } from "../../connect/record.ts";
import {
  ask,
  findServer,
  isKey,
  type Served,
  type Server,
  servedModels,
  type Tried,
  urlOfAddress,
} from "../../connect/server.ts";
import { createCatalog } from "../../core/catalog.ts";
import { OcpError } from "../../core/errors.ts";
import { localProviderName } from "../../openclaw/provider.ts";
import { complaint, createRun } from "../../service/command.ts";
import { askLine, askSecret } from "../ask.ts";
import { canAsk, confirm } from "../confirm.ts";
import { exitCodes, type Host, usageError, write } from "../output.ts";
import { type Choice, choiceOf, isChosen } from "./choice.ts";
import { diffLines } from "./diff.ts";
import { isHere } from "./here.ts";
import { type Outcome, page, type Result } from "./report.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** Lines of a client's diff that are shown before the question. */
const diffHead = 24;

export async function connect(args: Arguments, host: Host): Promise<number> {
  if (args.status === true) return (await import("./status.ts")).status(args, host);
  if (typeof args.host !== "string") throw usageError("Which server? ocp connect 192.168.1.20, or another address.");
  const choice = choiceOf(args);
  const { home } = resolvePaths(host.env);
  const records = createRecords(configHome(home, host.env));
  const unlock = args["dry-run"] === true ? () => {} : records.lock();
  try {
    return await connectTo(args.host, choice, { args, host, home, records });
  } finally {
    unlock();
  }
}

interface Setting {
  args: Arguments;
  host: Host;
  home: string;
  records: Records;
}

async function connectTo(address: string, choice: Choice, { args, host, home, records }: Setting): Promise<number> {
  const former = records.read();
  const server = await findServer(urlOfAddress(address));
  await talk(
    host,
    args,
    `OCP ${server.version} at ${server.url}${server.isWell ? "" : ", which says that it is not well: ocp doctor, there"}.`,
  );
  const { key, served } = await keyAndModels(server, args, host, former);

  const machine = { home, env: host.env, platform: host.platform };
  const without = placeWithout(machine, former);
  const chosen = clients.filter((client) => isChosen(choice, client, client.detect(without.place)));
  const endpoint: Endpoint = { url: server.url, key, ...served, isHere: isHere(server.url, home, networkInterfaces()) };
  const wishes = await wishesOf(args, host, chosen, endpoint);
  const planned = chosen.map((client) => planClient(client, without, endpoint, wishes));

  const dry = args["dry-run"] === true;
  const writes = planned.filter((each) => each.kind === "write");
  const pending = writes.filter(({ changes }) => !changes.every(isDone));
  if (args.json !== true) await write(host, host.stdout, planPage(pending, [key, former?.key ?? null], dry));
  if (!dry && pending.length > 0 && args.yes !== true && canAsk(host)) {
    const question = `Write this? All of it can be taken back with \`ocp disconnect\`.`;
    if (!(await confirm(question, false, host))) {
      await talk(host, args, "Nothing was written.");
      return exitCodes.ok;
    }
  }

  const connection: Connection = {
    url: server.url,
    key,
    since: Date.now(),
    files: former?.files ?? [],
    undo: former?.undo ?? [],
  };
  const results: Result[] = [];
  const tried = new Map<Dialect, Tried>();
  for (const each of planned) {
    results.push(await settle(each));
  }

  const found = new Set(chosen);
  const outcome: Outcome = {
    url: server.url,
    version: server.version,
    written: !dry && pending.length > 0,
    clients: results,
    absent:
      choice.only === null
        ? clients.filter((client) => !found.has(client) && !choice.except.has(client.id)).map(({ id }) => id)
        : [],
    record: records.file,
  };
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(outcome, null, 2)}\n` : page(outcome, dry));
  return results.some(({ outcome }) => outcome === "failed") ? exitCodes.failure : exitCodes.ok;

  async function settle(change: ClientChange): Promise<Result> {
    const { client, notes } = change;
    const base = { id: client.id, name: client.name, notes };
    if (change.kind === "hint") return { ...base, outcome: "hint", files: [], lines: change.lines };
    if (change.kind !== "write") return { ...base, outcome: change.kind, files: [], why: change.why };
    const files = change.changes.map(({ planned: { path } }) => path);
    const done = change.changes.every(isDone);
    if (dry) return { ...base, outcome: done ? "unchanged" : "planned", files };
    try {
      if (!done) applyClient(change, connection, records);
      await runCommands(change.plan.commands ?? [], connection);
    } catch (error) {
      return { ...base, outcome: "failed", files, why: sentenceOf(error) };
    }
    const { dialect } = change.plan;
    if (dialect === null) return { ...base, outcome: done ? "unchanged" : "configured", files };
    // A server that let one request run out of time is not waited for again.
    const late = [...tried.values()].find((each) => !each.ok && each.late);
    if (!tried.has(dialect)) tried.set(dialect, late ?? (await ask(server.url, key, dialect, served.small.id)));
    const answer = tried.get(dialect);
    if (answer?.ok === false)
      return {
        ...base,
        outcome: "failed",
        files,
        why: `It is written, but the server did not answer it: ${answer.why}`,
      };
    const answers = answer ? { api: dialect, ms: Math.round(answer.ms) } : undefined;
    return { ...base, outcome: done ? "unchanged" : "configured", files, ...(answers ? { answers } : {}) };
  }

  async function runCommands(commands: Array<{ run: string[]; undo: string[] }>, kept: Connection): Promise<void> {
    for (const { run, undo } of commands) {
      const known = kept.undo.some((each) => Bun.deepEquals(each, undo));
      if (!known) kept.undo = [...kept.undo, undo];
      records.write(kept);
      const outcome = await createRun(host.env)(run);
      if (outcome.code !== 0) throw new Error(`\`${run.slice(0, 3).join(" ")}\` failed: ${complaint(outcome)}.`);
    }
  }
}

/** Talk is for people: with `--json` only the JSON is on stdout, and this on stderr. */
function talk(host: Host, args: Arguments, line: string): Promise<void> {
  return write(host, args.json === true ? host.stderr : host.stdout, `${line}\n`);
}

interface Keyed {
  key: string | null;
  served: Served;
}

/** The key that is given, the one of before, that for guests, or one that is typed: the first that the server takes. */
async function keyAndModels(server: Server, args: Arguments, host: Host, former: Connection | null): Promise<Keyed> {
  const catalog = createCatalog(modelsFile);
  const known = (id: string): ServedModel | undefined => {
    const model = catalog.find(id);
    return model && { ...model, name: model.displayName, maxOutput: model.maxTokens, images: model.vision };
  };
  const tryKey = async (key: string | null): Promise<Keyed | null> => {
    const served = await servedModels(server.url, key, known);
    return served && { key, served };
  };
  if (typeof args.key === "string") {
    const found = await tryKey(checkedKey(args.key));
    if (found) return found;
    throw new OcpError(
      "invalid_api_key",
      `The server at ${server.url} does not know the key of --key. There: ocp keys add NAME`,
    );
  }
  const guesses = [
    ...(former?.url === server.url ? [former.key] : []),
    ...(server.authMode === "none" ? [null] : []),
    ...(server.anonymousKey === null ? [] : [server.anonymousKey]),
  ];
  for (const guess of guesses) {
    const found = await tryKey(guess);
    if (found) return found;
  }
  const instead = `The server at ${server.url} asks for a key: --key KEY. One is made there with: ocp keys add NAME`;
  for (let left = 3; left > 0; left--) {
    const typed = await askSecret(`The key for ${server.url} (there: ocp keys add NAME):`, instead, host);
    if (typed === "") break;
    const found = await tryKey(checkedKey(typed));
    if (found) return found;
    await write(host, host.stderr, "The server does not know this key.\n");
  }
  throw new OcpError("invalid_api_key", instead);
}

/** Throws OcpError invalid_request for what no header can hold. */
function checkedKey(key: string): string {
  if (isKey(key)) return key;
  throw usageError("A key is made of visible ASCII characters, without blanks.");
}

async function wishesOf(args: Arguments, host: Host, chosen: readonly Client[], endpoint: Endpoint): Promise<Wishes> {
  const setDefault = args["set-default"] === true;
  const usual = endpoint.isHere ? localProviderName : "ocp";
  const asks =
    chosen.some(({ id }) => id === "openclaw") && args.yes !== true && args["dry-run"] !== true && canAsk(host);
  if (!asks) return { setDefault, openclaw: { name: usual, role: null } };
  const name = await askLine("OpenClaw: the name of the provider?", usual, host);
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) throw usageError("A provider's name is made of a to z, 0 to 9 and -.");
  const role = setDefault ? "primary" : await askLine("OpenClaw: our model as primary or backup?", "backup", host);
  if (role !== "primary" && role !== "backup") throw usageError("It is primary or backup.");
  return { setDefault, openclaw: { name, role } };
}

function planPage(
  pending: Array<Extract<ClientChange, { kind: "write" }>>,
  secrets: Array<string | null>,
  dry: boolean,
): string {
  return pending
    .flatMap(({ client, changes }) => [
      "",
      `${client.name}:`,
      ...changes
        .filter((change) => !isDone(change))
        .flatMap(({ planned, now, text }) => [
          `  ${planned.path}${now === null ? " (new)" : ""}`,
          ...diffLines(planned.path, now?.text ?? "", text, secrets, dry ? Number.POSITIVE_INFINITY : diffHead).map(
            (line) => `    ${line}`,
          ),
        ]),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

function sentenceOf(error: unknown): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return `${path ?? "The file"} may not be written (${code}).`;
  if (code === "ENOSPC") return "The disk is full.";
  return code === undefined ? message : `It could not be written (${code}).`;
}
