/**
 * The worker process: compiles schemas and validates answers, one job at a time, until its parent goes. It does not
 * watch its own limits: an expression that is stuck lets nothing else run in here (checker.ts).
 */

import { compileSchema, InvalidSchema, type Validator } from "./compile.ts";
import type { Job, Verdict } from "./job.ts";

/** Compiled schemas that are kept, the last used ones: how many, and characters of JSON. */
const kept = { schemas: 64, length: 4 * 1024 * 1024 };

/** `parent`: this process, whose channel to the parent brings the jobs and takes the verdicts. */
export function serveJobs(parent: Pick<NodeJS.Process, "on" | "send" | "exit">): void {
  const compiled = createCompiled();
  parent.on("message", (job) => parent.send?.(judge(job as Job, compiled)));
  parent.on("disconnect", () => parent.exit(0));
}

function judge({ schema, value }: Job, compiled: (schema: string) => Validator): Verdict {
  try {
    const validate = compiled(schema);
    if (value === null) return "valid";
    return validate(JSON.parse(value)) ? "valid" : "invalid";
  } catch (error) {
    return error instanceof InvalidSchema ? "invalid_schema" : "failed";
  }
}

function createCompiled(): (schema: string) => Validator {
  const validators = new Map<string, { validate: Validator; length: number }>();
  let length = 0;
  return (schema) => {
    const key = new Bun.CryptoHasher("sha256").update(schema).digest("base64url");
    const known = validators.get(key);
    const entry = known ?? { validate: compileSchema(schema), length: schema.length };
    if (known) validators.delete(key);
    else length += entry.length;
    validators.set(key, entry);
    for (const [oldest, { length: its }] of validators) {
      if (validators.size <= kept.schemas && length <= kept.length) break;
      validators.delete(oldest);
      length -= its;
    }
    return entry.validate;
  };
}
