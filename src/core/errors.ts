/**
 * The one error type that a user may see. Its codes are a closed set; each dialect renders it in its own shape,
 * the command line as one sentence and an exit code. Anything else that is thrown is a defect: the user reads
 * "internal error" and a request id, the log has the rest.
 */

const statusOf = {
  invalid_request: 400,
  /** The prompt does not fit the model's window. Clients compact when they read it, so it means nothing else. */
  context_length_exceeded: 400,
  /** The caller's own key is missing or wrong. */
  invalid_api_key: 401,
  /** The model's side refused the owner's login. */
  upstream_authentication: 401,
  /** The model's side refuses this account the request. */
  upstream_permission: 403,
  forbidden: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  /** The request itself came too slowly. */
  slow_request: 408,
  /** Another request does the same at this moment. */
  conflict: 409,
  body_too_large: 413,
  /** Too many requests wait here. */
  queue_full: 429,
  /** Too many wrong keys came from the caller's address. */
  too_many_wrong_keys: 429,
  /** The same request came again and again right after its answers. */
  storm: 429,
  /** The key's own budget for the period is used up. */
  quota_exceeded: 429,
  /** The model's side limits the account's plan. */
  plan_limit: 429,
  internal: 500,
  /** The model's side, or the CLI, failed or was cut off. */
  upstream_failed: 502,
  /** No CLI, no login, or the server is going down. */
  not_ready: 503,
  timeout: 504,
  overloaded: 529,
} as const;

export type ErrorCode = keyof typeof statusOf;

interface CommonDetail {
  /** The field at fault, as a path: `messages.0.content`. */
  param?: string;
  /** A finer reason within the code, such as `invalid_image_url`. */
  reason?: string;
  /** Seconds until another try makes sense. */
  retryAfter?: number;
  /** Which budget is used up, of code quota_exceeded. */
  quota?: ExceededQuota;
  cause?: unknown;
}

/** A text of the model's side ends the message. It may repeat the prompt, so the log gets a sentence without it. */
interface QuotedDetail {
  said: string;
  forLog: string;
}

export type ErrorDetail = CommonDetail & (QuotedDetail | { said?: never; forLog?: never });

export interface ExceededQuota {
  period: "daily" | "weekly" | "monthly";
  unit: "requests" | "tokens";
  limit: number;
  used: number;
  /** As people read it: `3h 12m`. */
  resetsIn: string;
}

export class OcpError extends Error {
  override readonly name = "OcpError";
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly reason: string | undefined;
  readonly retryAfter: number | undefined;
  readonly quota: ExceededQuota | undefined;
  /** A sentence without what the model's side said. */
  readonly forLog: string;

  /** `message` is a sentence for the user: no prompt but in `said`, no secret, no path of the host. */
  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message + (detail.said ?? ""), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.param = detail.param;
    this.reason = detail.reason;
    this.retryAfter = detail.retryAfter;
    this.quota = detail.quota;
    this.forLog = detail.forLog ?? message;
  }

  /** The HTTP status. */
  get status(): number {
    return statusOf[this.code];
  }
}
