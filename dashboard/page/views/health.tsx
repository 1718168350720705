/** What is well and what is not, as `ocp doctor` finds it. */

import type { Json } from "../api.ts";
import { Card, Facts, Problem, useData } from "../parts.tsx";

const signs: Record<string, string> = { ok: "● ok", warning: "▲ warning", failure: "■ failure", unknown: "○ unknown" };

export function Health() {
  const health = useData("/health");
  const doctor = useData("/api/doctor");
  return (
    <>
      <Card title="Now">
        <Problem text={health.problem} />
        <Facts
          rows={[
            ["State", health.data?.status ?? "–"],
            ["Version", health.data?.version ?? "–"],
            ["claude", health.data?.claudeVersion ?? "–"],
            ["Login", health.data?.auth?.state ?? "–"],
          ]}
        />
        {health.data?.tui?.enabled ? (
          <p>▲ Interactive mode is on (CLAUDE_TUI_MODE): this server is for one person.</p>
        ) : null}
        {(health.data?.advice ?? []).map((each: string) => (
          <p key={each}>▲ {each}</p>
        ))}
      </Card>
      <Card title="Checks" wide>
        <p>
          <button type="button" onClick={doctor.again}>
            Check again
          </button>{" "}
          <span role="status">{doctor.data === null && doctor.problem === null ? "Checking ..." : ""}</span>
        </p>
        <Problem text={doctor.problem} />
        <ul class="checks">
          {(doctor.data?.checks ?? []).map((check: Json) => (
            <li key={check.id}>
              <strong>{signs[check.level] ?? check.level}</strong> {check.id}: {check.message}
              {check.level === "ok" ? null : (
                <ul>
                  {[...(check.remedy?.human ?? []), ...(check.remedy?.commands ?? [])].map((step: string) => (
                    <li key={step}>{step}</li>
                  ))}
                </ul>
              )}
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}
