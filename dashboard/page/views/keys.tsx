/** The keys of people and devices: made, renamed, renewed, limited, and ended. */

import { useState } from "preact/hooks";
import { type ApiError, ask, type Json } from "../api.ts";
import { count, moment, short } from "../format.ts";
import { Card, CopyButton, Dialog, Gauge, Problem, Table, useData } from "../parts.tsx";

const periods = ["daily", "weekly", "monthly"] as const;

type Open = { kind: "rename" | "rotate" | "revoke" | "quota" | "expiry"; key: Json } | null;

export function Keys() {
  const { data, problem, again } = useData("/api/keys");
  const [open, setOpen] = useState<Open>(null);
  const [secret, setSecret] = useState<{ name: string; key: string } | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const act = async (method: string, path: string, body?: unknown): Promise<Json | null> => {
    try {
      const answer = await ask(method, path, body);
      setFailure(null);
      setOpen(null);
      again();
      return answer;
    } catch (error) {
      setFailure((error as ApiError).message);
      return null;
    }
  };
  const reveal = (answer: Json | null) => {
    if (answer?.key) setSecret({ name: answer.name, key: answer.key });
  };
  const keys: Json[] = (data?.keys ?? []).filter((key: Json) => all || !key.revoked);
  return (
    <>
      <Card title="New key">
        <NewKey
          onCreate={async (body) => {
            const answer = await act("POST", "/api/keys", body);
            reveal(answer);
            return answer !== null;
          }}
        />
      </Card>
      <Problem text={problem ?? (open === null ? failure : null)} />
      <Card title="Keys" wide>
        <p>
          <label>
            <input type="checkbox" checked={all} onChange={({ currentTarget }) => setAll(currentTarget.checked)} /> also
            revoked ones
          </label>
        </p>
        <Table
          label="Keys"
          head={["Name", "Key", "State", "Expires", "Used", "Change"]}
          empty="There is no key."
          rows={keys.map((key) => [
            key.name,
            key.keyPreview,
            key.revoked ? "revoked" : Date.parse(key.expires_at) <= Date.now() ? "expired" : "active",
            key.expires_at === null ? "never" : moment(key.expires_at),
            <Budgets key="used" of={key} />,
            key.revoked ? null : (
              <div class="actions" key="actions">
                {(["quota", "rename", "expiry", "rotate", "revoke"] as const).map((kind) => (
                  <button
                    type="button"
                    key={kind}
                    aria-label={`${kind} ${key.name}`}
                    onClick={() => setOpen({ kind, key })}
                  >
                    {kind}
                  </button>
                ))}
              </div>
            ),
          ])}
        />
      </Card>
      {open === null ? null : (
        <KeyDialog
          open={open}
          failure={failure}
          onClose={() => {
            setOpen(null);
            setFailure(null);
          }}
          act={act}
          reveal={reveal}
        />
      )}
      {secret === null ? null : (
        <Dialog title={`The key ${secret.name}`} onClose={() => setSecret(null)}>
          <p>It is shown this once. Copy it now.</p>
          <p>
            <code class="secret" data-testid="secret">
              {secret.key}
            </code>
          </p>
          <div class="actions">
            <CopyButton text={secret.key} />
            <button type="button" onClick={() => setSecret(null)}>
              Done
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Budgets({ of: key }: { of: Json }) {
  const limited = periods.flatMap((period) => [
    { label: `requests ${period}`, limit: key[`quota_${period}`], used: key.used?.[period]?.requests ?? 0 },
    { label: `tokens ${period}`, limit: key[`quota_tokens_${period}`], used: key.used?.[period]?.tokens ?? 0 },
  ]);
  const bars = limited.filter(({ limit }) => limit !== null && limit !== undefined);
  if (bars.length === 0) return <>{count(key.used?.daily?.requests)} today, no limit</>;
  return (
    <>
      {bars.map(({ label, limit, used }) => (
        <Gauge
          key={label}
          label={label}
          share={limit === 0 ? 1 : used / limit}
          text={`${short(used)} of ${short(limit)}`}
        />
      ))}
    </>
  );
}

/** `onCreate` says whether it was taken: what was refused stays to be mended. */
function NewKey({ onCreate }: { onCreate: (body: Json) => Promise<boolean> }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("");
  const [daily, setDaily] = useState("");
  return (
    <form
      class="filters"
      onSubmit={async (event) => {
        event.preventDefault();
        const done = await onCreate({
          ...(name === "" ? {} : { name }),
          ...(days === "" ? {} : { expiresAt: new Date(Date.now() + Number(days) * 86_400_000).toISOString() }),
          ...(daily === "" ? {} : { daily: Number(daily) }),
        });
        if (done) setName("");
      }}
    >
      <label>
        Name{" "}
        <input
          value={name}
          maxLength={64}
          placeholder="laptop"
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <label>
        Expires in days{" "}
        <input
          type="number"
          min={1}
          max={3650}
          value={days}
          placeholder="never"
          onInput={({ currentTarget }) => setDays(currentTarget.value)}
        />
      </label>
      <label>
        Requests a day{" "}
        <input
          type="number"
          min={0}
          value={daily}
          placeholder="no limit"
          onInput={({ currentTarget }) => setDaily(currentTarget.value)}
        />
      </label>
      <button type="submit">Create</button>
    </form>
  );
}

interface KeyDialogProps {
  open: NonNullable<Open>;
  failure: string | null;
  onClose: () => void;
  act: (method: string, path: string, body?: unknown) => Promise<Json | null>;
  reveal: (answer: Json | null) => void;
}

function KeyDialog({ open: { kind, key }, failure, onClose, act, reveal }: KeyDialogProps) {
  // A name of digits wins over an id, so the name is what is sure; but one of dots is no part of a path.
  const path = `/api/keys/${/^\.+$/.test(key.name) ? key.id : encodeURIComponent(key.name)}`;
  const [text, setText] = useState(kind === "rename" ? key.name : "");
  const [limits, setLimits] = useState<Record<string, string>>(
    Object.fromEntries([
      ...periods.map((period) => [period, String(key[`quota_${period}`] ?? "")] as const),
      ...periods.map((period) => [`tokens.${period}`, String(key[`quota_tokens_${period}`] ?? "")] as const),
    ]),
  );
  const number = (name: string) => (limits[name] === "" || limits[name] === undefined ? null : Number(limits[name]));
  const submit = async (event: Event) => {
    event.preventDefault();
    if (kind === "revoke") await act("DELETE", path);
    if (kind === "rotate") reveal(await act("POST", `${path}/rotate`));
    if (kind === "rename") await act("PATCH", path, { name: text });
    if (kind === "expiry") {
      await act("PATCH", path, {
        expiresAt: text === "" ? null : new Date(Date.now() + Number(text) * 86_400_000).toISOString(),
      });
    }
    if (kind === "quota") {
      const of = (prefix: string) => Object.fromEntries(periods.map((period) => [period, number(prefix + period)]));
      await act("PATCH", `${path}/quota`, { ...of(""), tokens: of("tokens.") });
    }
  };
  const words = {
    rename: ["Rename", "Rename it"],
    rotate: ["Renew the secret of", "Renew it: the old secret is void at once"],
    revoke: ["Revoke", "Revoke it, for good"],
    quota: ["Limits of", "Set the limits"],
    expiry: ["Expiry of", "Set it"],
  }[kind];
  return (
    <Dialog title={`${words[0]} ${key.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        {kind === "rename" ? (
          <label>
            New name <input value={text} maxLength={64} onInput={({ currentTarget }) => setText(currentTarget.value)} />
          </label>
        ) : null}
        {kind === "expiry" ? (
          <label>
            In days, empty for never{" "}
            <input
              type="number"
              min={1}
              max={3650}
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
            />
          </label>
        ) : null}
        {kind === "quota"
          ? Object.keys(limits).map((name) => (
              <p key={name}>
                <label>
                  {name.startsWith("tokens.") ? `tokens ${name.slice(7)}` : `requests ${name}`}{" "}
                  <input
                    type="number"
                    min={0}
                    value={limits[name] ?? ""}
                    placeholder="no limit"
                    onInput={({ currentTarget }) => setLimits({ ...limits, [name]: currentTarget.value })}
                  />
                </label>
              </p>
            ))
          : null}
        <Problem text={failure} />
        <div class="actions">
          <button type="submit" class={kind === "revoke" || kind === "rotate" ? "danger" : ""}>
            {words[1]}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
