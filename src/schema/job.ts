/** The messages between the server and the worker process: one job there, one verdict back. */

export interface Job {
  /** JSON. */
  schema: string;
  /** The JSON to be validated; null: the schema is only compiled. */
  value: string | null;
}

/** `failed`: the value could not be validated, as it nests too deep for the validator. */
export type Verdict = "valid" | "invalid" | "invalid_schema" | "failed";

/** The hidden command under which this program is the worker. */
export const workerCommand = "schema-worker";
