/**
 * OpenClaw. Source: docs.openclaw.ai/gateway/config-tools/custom-providers and /concepts/models; run with 2026.9.6. Its
 * `auth-profiles.json` is never written: with what older installers put there it refuses to run.
 */

import { join } from "node:path";
import type { OwnedEdit } from "../../edit/format.ts";
import { isFields, type Path, valueAt } from "../../edit/path.ts";
import { provider } from "../../openclaw/provider.ts";
import { type Client, edit, keyOrNone, ownEdit, type Wishes } from "../client.ts";
import { type Place, settingsIn } from "../place.ts";

const chosen = ["agents", "defaults", "model"];
const allowed = ["agents", "defaults", "modelPolicy", "allow"];

export const openclaw: Client = {
  id: "openclaw",
  name: "OpenClaw",
  detect: (place) => place.hasProgram("openclaw") || place.exists(join(place.home, ".openclaw")),
  plan(place, endpoint, wishes) {
    const path = settingsFile(place);
    const found = settingsIn(place, path, "json5");
    const { name } = wishes.openclaw;
    const has = (at: Path) => valueAt(found, at) !== undefined;
    const ours = `${name}/${endpoint.main.id}`;
    const policy = valueAt(found, allowed);
    const isListed = Array.isArray(policy) && policy.length > 0;
    return {
      kind: "write",
      dialect: "chat",
      files: [
        {
          path,
          format: "json5",
          edits: [
            ...(has(["models", "mode"]) ? [] : [edit(["models", "mode"], "merge")]),
            ownEdit(
              ["models", "providers", name],
              provider(`${endpoint.url}/v1`, keyOrNone(endpoint), endpoint.models),
            ),
            // A list that is empty, or none, allows all.
            ...(isListed ? [ownEdit([...allowed, { is: `${name}/*` }], `${name}/*`)] : []),
            ...choice(valueAt(found, chosen), ours, wishes),
          ],
          holdsKey: true,
        },
      ],
      notes: [...olderProfiles(place), `Use it: the model ${ours}.`],
    };
  },
};

/** The first model, or one for when the others fail; where none is chosen there is no first one to keep. */
function choice(now: unknown, ours: string, { setDefault, openclaw: { role } }: Wishes): OwnedEdit[] {
  const isSet = typeof now === "string" || (isFields(now) && now.primary !== undefined);
  if (setDefault || role === "primary" || (role === null && !isSet)) {
    return isFields(now) ? [edit([...chosen, "primary"], ours)] : [edit(chosen, { primary: ours })];
  }
  const backup = ownEdit([...chosen, "fallbacks", { is: ours }], ours);
  // Where others join it in the list, it goes by itself.
  return typeof now === "string" ? [edit(chosen, { primary: now, fallbacks: [ours] }), backup] : [backup];
}

/** What OCP 3 left there stops every run. */
function olderProfiles(place: Place): string[] {
  const agents = join(place.home, ".openclaw", "agents");
  const read = (id: string) => settingsIn(place, join(agents, id, "agent", "auth-profiles.json"), "whole") ?? "";
  const old = place.list(agents).some((id) => /"provider":\s*"(ocp|claude-local)"/.test(String(read(id))));
  return old ? ["An older OCP has left a key in an auth-profiles.json. Run: openclaw doctor --fix"] : [];
}

export function settingsFile({ env, home }: Pick<Place, "env" | "home">): string {
  if (env.OPENCLAW_CONFIG_PATH) return env.OPENCLAW_CONFIG_PATH;
  return join(env.OPENCLAW_STATE_DIR || join(home, ".openclaw"), "openclaw.json");
}
