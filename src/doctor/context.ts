/** What the checks look at: this machine, its service and its server, each asked once. */

import type { Build } from "../config/build.ts";
import type { Environment } from "../config/load.ts";
import type { Paths } from "../config/paths.ts";
import type { SyncOptions } from "../openclaw/sync.ts";
import type { ServiceMachine, ServiceState } from "../service/manager.ts";
import type { UpdateCheck } from "../update/check.ts";

/** What `GET /health` and `GET /status` said, as they said it. */
export type Answer = Readonly<Record<string, unknown>>;

export interface DoctorContext {
  build: Build;
  /** The `ocp` that runs now, as a word of a shell. */
  ocp: string;
  execPath: string;
  arch: string;
  paths: Paths;
  machine: ServiceMachine;
  /** The environment of this shell, and that of the service where one is installed. */
  shell: Environment;
  settings: Environment;
  /** Where the server should answer. */
  url: string;
  /** Null: no service is installed. */
  service: () => Promise<ServiceState | null>;
  /** Null: nothing answers as OCP does. */
  health: () => Promise<Answer | null>;
  /** Null: it was refused, or nothing answers. */
  status: () => Promise<Answer | null>;
  updates: () => Promise<UpdateCheck>;
  openclaw: SyncOptions;
}

/** The same promise for every question. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask();
    return asked;
  };
}
