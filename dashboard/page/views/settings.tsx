/** Every setting; those that a running server takes can be changed. */

import { useEffect, useState } from "preact/hooks";
import { ask, type Json } from "../api.ts";
import { Card, Problem, useData } from "../parts.tsx";

const sources: Record<string, string> = {
  flag: "from a flag of the server's command line",
  environment: "from the environment",
  stored: "changed here",
  default: "the default",
};

export function Settings() {
  const { data, problem, again } = useData("/settings");
  const entries = Object.entries((data ?? {}) as Record<string, Json>);
  const [live, fixed] = [entries.filter(([, each]) => each.live), entries.filter(([, each]) => !each.live)];
  return (
    <>
      <Problem text={problem} />
      <Card title="Can be changed now">
        {live.map(([name, setting]) => (
          <Setting key={name} name={name} setting={setting} again={again} />
        ))}
      </Card>
      <Card title="Set when the server starts">
        {fixed.map(([name, setting]) => (
          <div class="setting" key={name}>
            <strong>{name}</strong> <code>{setting.env}</code>
            <p>{setting.desc}</p>
            <p class="dim">
              {setting.type === "secret" ? "" : `${shown(setting.value)}, `}
              {sources[setting.source] ?? setting.source}
            </p>
          </div>
        ))}
      </Card>
    </>
  );
}

function Setting({ name, setting, again }: { name: string; setting: Json; again: () => void }) {
  const current = setting.value === null || setting.value === undefined ? "" : String(setting.value);
  const [text, setText] = useState(current);
  useEffect(() => setText(current), [current]);
  const [said, setSaid] = useState<{ text: string; wrong: boolean } | null>(null);
  const isFixed = setting.source === "flag" || setting.source === "environment";
  const save = async (value: unknown) => {
    try {
      await ask("PATCH", "/settings", { [name]: value });
      setSaid({ text: "Saved.", wrong: false });
      again();
    } catch (error) {
      setSaid({ text: (error as Error).message, wrong: true });
    }
  };
  const read = () => {
    if (text === "") return null;
    if (setting.type === "number") return Number(text);
    if (setting.type === "list") return text.split(",").map((each) => each.trim());
    return setting.type === "boolean" ? text === "true" : text;
  };
  const range = typeof setting.min === "number" ? `${setting.min} to ${setting.max} ${setting.unit ?? ""}`.trim() : "";
  return (
    <form
      class="setting"
      onSubmit={(event) => {
        event.preventDefault();
        void save(read());
      }}
    >
      <label>
        <strong>{name}</strong>{" "}
        {setting.type === "boolean" ? (
          <select value={text} disabled={isFixed} onChange={({ currentTarget }) => setText(currentTarget.value)}>
            <option value="true">true</option>
            <option value="false">false</option>
          </select>
        ) : Array.isArray(setting.values) ? (
          <select value={text} disabled={isFixed} onChange={({ currentTarget }) => setText(currentTarget.value)}>
            {setting.values.map((each: string) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        ) : (
          <input
            {...(setting.type === "number" ? { type: "number", min: setting.min, max: setting.max } : {})}
            value={text}
            disabled={isFixed}
            placeholder={shown(setting.default)}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        )}
      </label>
      <p>
        {setting.desc} {range ? <span class="dim">({range})</span> : null}
      </p>
      <p class="dim">
        <code>{setting.env}</code>, {sources[setting.source] ?? setting.source}
        {isFixed ? ": it can be changed there alone" : ""}
      </p>
      <div class="actions">
        <button type="submit" disabled={isFixed}>
          Save
        </button>
        <button type="button" disabled={isFixed || setting.source !== "stored"} onClick={() => save(null)}>
          Back to the default
        </button>
        <span role="status" class={said?.wrong ? "problem" : ""}>
          {said?.text}
        </span>
      </div>
    </form>
  );
}

function shown(value: unknown): string {
  return value === null || value === undefined ? "none" : Array.isArray(value) ? value.join(", ") : String(value);
}
