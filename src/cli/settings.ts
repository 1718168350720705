/** `ocp settings`: shows the settings of a running server, and changes one. */

import type { SettingState } from "../config/live.ts";
import { OcpError } from "../core/errors.ts";
import { columns, exitCodes, type Host, usageError, write } from "./output.ts";
import { connectRemote, type Remote } from "./remote.ts";
import { changedSettings, settingStates } from "./shapes.ts";
import { didYouMean } from "./strict.ts";

type Settings = Record<string, SettingState>;

/** `key` alone shows one setting; with `value` it is set, and `none` goes back to the default. */
export async function settings(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const remote = connectRemote(args, host);
  const all = await remote.request<Settings>("GET", "/settings", settingStates);
  const json = args.json === true;
  const show = (text: string, value: unknown) =>
    write(host, host.stdout, json ? `${JSON.stringify(value, null, 2)}\n` : text);

  if (typeof args.setting !== "string") {
    await show(table(all, args.all === true), all);
    return exitCodes.ok;
  }
  const [key, state] = find(all, args.setting);
  if (typeof args.value !== "string") {
    await show(page(key, state), { key, ...state });
    return exitCodes.ok;
  }
  const after = await change(remote, key, wantedValue(key, state, args.value));
  await show(`${key} is now ${shown(after)} (${after.source}).\n`, { key, ...after });
  return exitCodes.ok;
}

/** Throws OcpError with the server's reason. */
async function change(remote: Remote, key: string, value: unknown): Promise<SettingState> {
  const { current } = await remote.request<{ current: Settings }>("PATCH", "/settings", changedSettings, {
    [key]: value,
  });
  const state = current[key];
  if (state === undefined) throw new OcpError("upstream_failed", `The server does not say what ${key} is now.`);
  return state;
}

/** By its key, in whatever case, or by its variable. */
function find(all: Settings, wanted: string): [string, SettingState] {
  const lower = wanted.toLowerCase();
  const found = Object.entries(all).find(
    ([key, { env }]) => key.toLowerCase() === lower || env.toLowerCase() === lower,
  );
  if (found) return found;
  const hint = didYouMean(wanted, Object.keys(all));
  throw usageError(`There is no setting ${JSON.stringify(wanted)}.${hint} \`ocp settings --all\` lists all.`);
}

/** As the server's type wants it; what cannot be read goes as it is, and the server says what it takes. */
function wantedValue(key: string, { type }: SettingState, text: string): unknown {
  if (text === "none") return null;
  if (type === "number" && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (type !== "boolean") return text;
  const lower = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(lower)) return true;
  if (["false", "0", "no", "off"].includes(lower)) return false;
  throw usageError(`${key} must be true or false, or none for its default.`);
}

function table(all: Settings, everything: boolean): string {
  const rows = Object.entries(all).filter(([, { live }]) => everything || live);
  return columns([
    ["SETTING", "VALUE", "RANGE", "UNIT", "SOURCE"],
    ...rows.map(([key, state]) => [
      key,
      oneLine(state),
      state.live ? range(state) || "-" : "at start",
      state.unit ?? "-",
      sourceOf(state),
    ]),
  ]);
}

function page(key: string, state: SettingState): string {
  const rows = [
    ["value", shown(state)],
    ["range", state.live ? range(state) : `set ${state.env} and restart the server`],
    ["default", shown({ ...state, value: state.default })],
    ["source", sourceOf(state)],
    ["variable", state.env],
  ].filter(([, text]) => text !== "") as [string, string][];
  return `${key}: ${state.desc}\n\n${columns(rows.map(([label, text]) => [`  ${label}`, text]))}`;
}

function range({ min, max, values, type }: SettingState): string {
  if (values) return values.join(", ");
  if (type === "boolean") return "true, false";
  return min === null ? "" : `${min}-${max}`;
}

function sourceOf({ source, env }: SettingState): string {
  return source === "environment" ? `environment (${env})` : source;
}

function shown(state: SettingState): string {
  const { value, unit } = state;
  if (state.type === "secret") return state.source === "default" ? "unset" : "set, and not shown";
  if (value === null) return "unset";
  return `${Array.isArray(value) ? value.join(",") : value}${unit === null ? "" : ` ${unit}`}`;
}

/** A cell of the table: a text may have lines and be long. */
function oneLine(state: SettingState): string {
  const text = shown({ ...state, unit: null }).replace(/\p{Cc}+/gu, " ");
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
