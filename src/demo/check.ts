/** Says what is wrong with a script that a person wrote, by the path of the field at fault. */

import type { StopReason } from "../core/turn.ts";
import { vendorErrors } from "./errors.ts";
import type { Script } from "./script.ts";

/** What is wrong with the value, as a clause; undefined if nothing is. */
type Check = (value: unknown, path: string) => string | undefined;

const text: Check = (value, path) => (typeof value === "string" ? undefined : `${path} must be a string`);

const number: Check = (value, path) =>
  typeof value === "number" && value >= 0 ? undefined : `${path} must be a number that is not negative`;

const flag: Check = (value, path) => (typeof value === "boolean" ? undefined : `${path} must be true or false`);

const integer: Check = (value, path) =>
  Number.isInteger(value) && Number(value) >= 0 ? undefined : `${path} must be a whole number that is not negative`;

/** setTimeout fires at once beyond this. */
const milliseconds: Check = (value, path) =>
  number(value, path) ?? (Number(value) < 2 ** 31 ? undefined : `${path} must be below 2147483648`);

const oneOf =
  (...allowed: Array<string | number>): Check =>
  (value, path) =>
    allowed.some((one) => one === value) ? undefined : `${path} must be one of ${allowed.join(", ")}`;

const list =
  (item: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return `${path} must be a list`;
    for (const [index, one] of value.entries()) {
      const wrong = item(one, `${path}.${index}`);
      if (wrong) return wrong;
    }
    return undefined;
  };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field whose name ends in `?` may be absent; any other key is refused. */
function object(fields: Record<string, Check>): Check {
  const known = new Map(Object.entries(fields).map(([name, check]) => [name.replace("?", ""), check]));
  const required = Object.keys(fields).filter((name) => !name.endsWith("?"));
  return (value, path) => {
    if (!isRecord(value)) return `${path} must be an object`;
    const missing = required.find((name) => !Object.hasOwn(value, name));
    if (missing) return `${path}.${missing} is missing`;
    for (const [name, one] of Object.entries(value)) {
      const check = known.get(name);
      const wrong = check ? check(one, `${path}.${name}`) : `${path}.${name} is not known`;
      if (wrong) return wrong;
    }
    return undefined;
  };
}

/** Chooses among objects by the value of one field. */
function byField(field: string, variants: Record<string, Record<string, Check>>): Check {
  const checks = new Map(
    Object.entries(variants).map(([name, fields]) => [name, object({ [field]: text, ...fields })]),
  );
  return (value, path) => {
    if (!isRecord(value)) return `${path} must be an object`;
    const check = checks.get(String(value[field]));
    return check ? check(value, path) : `${path}.${field} must be one of ${[...checks.keys()].join(", ")}`;
  };
}

const chunks: Check = (value, path) => (Array.isArray(value) ? list(text)(value, path) : text(value, path));

const toolInput: Check = (value, path) =>
  Array.isArray(value) ? list(text)(value, path) : isRecord(value) ? undefined : `${path} must be an object or a list`;

const typedBlock = byField("type", {
  text: { text: chunks },
  thinking: { thinking: chunks, "signature?": text },
  redacted_thinking: { data: text },
  tool_use: { "id?": text, name: text, input: toolInput },
});

const block: Check = (value, path) => (typeof value === "string" ? undefined : typedBlock(value, path));

const errorStatus = oneOf(...Object.keys(vendorErrors).map(Number));

const fault = byField("kind", {
  error: { after: integer, "status?": errorStatus, "message?": text },
  stall: { after: integer },
  cut: { after: integer },
});

const stopReasons = [
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "refusal",
  "model_context_window_exceeded",
] as const satisfies StopReason[];

const limitStatus = oneOf("allowed", "allowed_warning", "rejected");
const limitWindow = object({ utilization: number, resetsAt: integer, "status?": limitStatus, "surpassed?": number });
const limits = object({
  status: limitStatus,
  "claim?": text,
  "resetsAt?": integer,
  "fiveHour?": limitWindow,
  "sevenDay?": limitWindow,
  "overage?": object({ status: limitStatus, "disabledReason?": text, "resetsAt?": integer, "inUse?": flag }),
});

const answer = object({
  "delayMs?": milliseconds,
  blocks: list(block),
  "paceMs?": milliseconds,
  "endDelayMs?": milliseconds,
  "stopDelayMs?": milliseconds,
  "stop?": oneOf(...stopReasons),
  "stopSequence?": text,
  "usage?": object({
    "input?": integer,
    "cacheRead?": integer,
    "cacheWrite?": integer,
    "output?": integer,
    "thinking?": integer,
  }),
  "model?": text,
  "fault?": fault,
  "limits?": limits,
});

const error = object({
  "delayMs?": milliseconds,
  status: errorStatus,
  "message?": text,
  "retryAfter?": integer,
  "limits?": (value, path) => (value === null ? undefined : limits(value, path)),
});

/** The script, or what is wrong with it as a sentence's part: "script.blocks.0.type must be one of ...". */
export function checkScript(value: unknown): { script: Script } | { wrong: string } {
  if (!isRecord(value)) return { wrong: "script must be an object" };
  if (!("blocks" in value) && !("status" in value))
    return { wrong: "script needs blocks (an answer) or status (an error)" };
  const wrong = ("status" in value ? error : answer)(value, "script");
  return wrong ? { wrong } : { script: value as unknown as Script };
}
