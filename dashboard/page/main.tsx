/** The page: who is signed in, which view is open, and what happens meanwhile. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ask, type Json, read } from "./api.ts";
import { Problem } from "./parts.tsx";
import { follow, type Live } from "./stream.ts";
import { Connect } from "./views/connect.tsx";
import { Health } from "./views/health.tsx";
import { Keys } from "./views/keys.tsx";
import { Logs } from "./views/logs.tsx";
import { Me } from "./views/me.tsx";
import { Models } from "./views/models.tsx";
import { Now } from "./views/now.tsx";
import { Plan } from "./views/plan.tsx";
import { Settings } from "./views/settings.tsx";
import { Usage } from "./views/usage.tsx";

const ofAdmin = ["now", "plan", "usage", "keys", "models", "connect", "settings", "logs", "health"];
const ofUser = ["me", "plan", "usage", "models", "connect"];

const silent: Live = { state: null, sessions: null, ended: [], connected: false };

function App() {
  /** Null: nobody is signed in; undefined: it is not known yet. */
  const [me, setMe] = useState<Json | null | undefined>(undefined);
  const [problem, setProblem] = useState<string | null>(null);
  const look = () => {
    void read("/dashboard/session").then(
      (answer) => {
        setMe(answer.role === null ? null : answer);
        setProblem(null);
      },
      // Whoever was signed in stays so while the server is away.
      (error: Error) => setProblem(error.message),
    );
  };
  useEffect(look, []);
  if (me === undefined) {
    return (
      <main>
        <p class="loading">OCP</p>
        <Problem text={problem} />
        {problem === null ? null : (
          <button type="button" onClick={look}>
            Try again
          </button>
        )}
      </main>
    );
  }
  return me === null ? <SignIn onDone={look} /> : <Page me={me} onOut={() => setMe(null)} look={look} />;
}

function SignIn({ onDone }: { onDone: () => void }) {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [health, setHealth] = useState<Json | null>(null);
  useEffect(() => {
    read("/health").then(setHealth, () => setHealth(null));
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await ask("POST", "/dashboard/session", undefined, key.trim());
      onDone();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <main class="sign-in">
      <h1>OCP</h1>
      <p class="dim">{health === null ? "" : `${health.status}, version ${health.version}`}</p>
      <form onSubmit={submit}>
        {/* For those who keep passwords. */}
        <input type="text" autocomplete="username" value="ocp" hidden readOnly />
        <label>
          Key{" "}
          <input
            type="password"
            autocomplete="current-password"
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
        <Problem text={problem} />
        <button type="submit">Sign in</button>
      </form>
      <p class="dim">The admin key is on the server, in ~/.ocp/admin-key. A key of your own shows what is yours.</p>
    </main>
  );
}

function Page({ me, onOut, look }: { me: Json; onOut: () => void; look: () => void }) {
  const admin = me.role === "admin";
  const views = admin ? ofAdmin : ofUser;
  const view = useView(views);
  const live = useLive(admin, look);
  const out = async () => {
    await ask("DELETE", "/dashboard/session").catch(() => {});
    onOut();
  };
  // A view that is opened is a reason too: whoever has no stream hears of the end of the session so.
  useEffect(look, [view]);
  const isLost = admin && live.state !== null && !live.connected;
  return (
    <>
      <header>
        <strong>OCP</strong>
        <nav aria-label="Views">
          {views.map((each) => (
            <a key={each} href={`#${each}`} aria-current={each === view ? "page" : undefined}>
              {each}
            </a>
          ))}
        </nav>
        <span class="who">{me.name}</span>
        <button type="button" onClick={out}>
          Sign out
        </button>
      </header>
      <main>
        <h1>{view}</h1>
        <p role="status" class={isLost ? "problem" : "hidden"}>
          {isLost ? "The connection to the server is lost. What is shown is as it was; it comes back by itself." : ""}
        </p>
        {view === "now" ? <Now live={live} /> : null}
        {view === "plan" ? <Plan admin={admin} live={live.state?.plan ?? null} /> : null}
        {view === "usage" ? <Usage admin={admin} /> : null}
        {view === "keys" ? <Keys /> : null}
        {view === "models" ? <Models /> : null}
        {view === "connect" ? <Connect keyed={me.principal !== "local"} /> : null}
        {view === "settings" ? <Settings /> : null}
        {view === "logs" ? <Logs /> : null}
        {view === "health" ? <Health /> : null}
        {view === "me" ? <Me /> : null}
      </main>
    </>
  );
}

function useView(views: string[]): string {
  const named = () => location.hash.slice(1);
  const [view, setView] = useState(named());
  useEffect(() => {
    const change = () => setView(named());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  });
  return views.includes(view) ? view : (views[0] ?? "");
}

/** What happens is the administrator's to see. At each loss it is asked anew who is signed in: the session may have ended. */
function useLive(admin: boolean, look: () => void): Live {
  const [live, setLive] = useState<Live>(silent);
  useEffect(() => (admin ? follow(setLive, look) : undefined), [admin]);
  return live;
}

const place = document.getElementById("app");
if (place) {
  place.textContent = "";
  render(<App />, place);
}
