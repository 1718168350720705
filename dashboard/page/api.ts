/** How the page asks the server. Whatever it says is data, and is shown as text. */

// biome-ignore lint/suspicious/noExplicitAny: another version of the server may leave anything out.
export type Json = any;

export class ApiError extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Throws ApiError with a sentence; its status is 0 where nothing answered. */
export async function ask(method: string, path: string, body?: unknown, key?: string): Promise<Json> {
  const headers: Record<string, string> = { "x-ocp-dashboard": "1" };
  if (key !== undefined) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  } catch {
    throw new ApiError("The server does not answer.", 0);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const said = answer?.error?.message;
  throw new ApiError(typeof said === "string" ? said : `The server refused it (${response.status}).`, response.status);
}

export const read = (path: string): Promise<Json> => ask("GET", path);
