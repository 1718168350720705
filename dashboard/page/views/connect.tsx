/** How other machines and their clients reach this server. */

import { encode } from "uqr";
import { Card, CopyButton } from "../parts.tsx";

export function Connect({ keyed }: { keyed: boolean }) {
  const { origin, host } = location;
  const key = keyed ? "<your key>" : "none";
  const ways: Array<[title: string, text: string]> = [
    ["Every IDE and agent on a machine, where ocp is installed", `ocp connect ${host}`],
    ["The same where it is not", `curl -fsSL ${origin}/connect | sh`],
    ["OpenAI's clients, by hand", `export OPENAI_BASE_URL=${origin}/v1 OPENAI_API_KEY='${key}'`],
    [
      "Claude Code, by hand (not on the server's machine)",
      `export ANTHROPIC_BASE_URL=${origin} ANTHROPIC_AUTH_TOKEN='${key}'`,
    ],
    ["Cursor (it needs a public https address)", `Override OpenAI Base URL: ${origin}/v1`],
    ["JetBrains AI Assistant", `OpenAI-compatible: URL ${origin}/v1, key ${key}`],
    ["Open WebUI", `OPENAI_API_BASE_URLS=${origin}/v1 OPENAI_API_KEYS=${key}`],
    ["JavaScript", `new OpenAI({ baseURL: "${origin}/v1", apiKey: "${key}" })`],
  ];
  return (
    <>
      <Card title="This server">
        <p>
          <code>{origin}</code>
        </p>
        <Code text={`${origin}/dashboard`} />
        <p class="dim">For the camera of a phone in the same network: this page.</p>
      </Card>
      {ways.map(([title, text]) => (
        <Card title={title} key={title}>
          <pre class="scroll">
            <code>{text}</code>
          </pre>
          <CopyButton text={text} />
        </Card>
      ))}
    </>
  );
}

/** As a picture, dark on light in either scheme, since cameras want that. */
function Code({ text }: { text: string }) {
  const { data, size } = encode(text);
  const squares = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={`QR code of ${text}`}>
      <rect width={size} height={size} fill="#fff" />
      <path d={squares} fill="#000" />
    </svg>
  );
}
