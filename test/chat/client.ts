/** Asks a server under test the way a client does, and reads what it answers: status, JSON, or frames. */

import type { Ocp } from "../harness/ocp.ts";

export interface Frame {
  /** The JSON behind `data: `; null for `[DONE]`. */
  data: any;
}

export interface StreamedAnswer {
  status: number;
  headers: Headers;
  frames: Frame[];
  /** All content deltas together. */
  text: string;
  /** All reasons in the order they came: a right answer has exactly one. */
  finishReasons: string[];
  usage: any;
  /** The error of an error frame. */
  error: any;
  done: boolean;
}

export function post(ocp: Pick<Ocp, "url">, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(`${ocp.url}/v1/chat/completions`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
}

export async function ask(ocp: Pick<Ocp, "url">, body: Record<string, unknown>) {
  const response = await post(ocp, body);
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

export async function stream(ocp: Pick<Ocp, "url">, body: Record<string, unknown>): Promise<StreamedAnswer> {
  const response = await post(ocp, { ...body, stream: true });
  return readStream(response);
}

export async function readStream(response: Response): Promise<StreamedAnswer> {
  const frames = (await response.text())
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: "))
    .map((frame) => frame.slice("data: ".length))
    .map((data) => ({ data: data === "[DONE]" ? null : JSON.parse(data) }));
  const chunks = frames.map(({ data }) => data).filter((data) => data?.choices);
  const deltas = chunks.map((chunk) => chunk.choices[0]).filter((choice) => choice !== undefined);
  return {
    status: response.status,
    headers: response.headers,
    frames,
    text: deltas.map((choice) => choice.delta.content ?? "").join(""),
    finishReasons: deltas.map((choice) => choice.finish_reason).filter((reason) => reason !== null),
    usage: chunks.find((chunk) => chunk.usage)?.usage,
    error: frames.find(({ data }) => data?.error)?.data.error,
    done: frames.at(-1)?.data === null,
  };
}

export const user = (content: unknown) => ({ role: "user", content });
export const assistant = (content: unknown) => ({ role: "assistant", content });
