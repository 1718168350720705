/** What keeps the server running on a machine, whichever of the service managers that is. */

import type { Run } from "./command.ts";

/** `none`: neither systemd nor launchd is there. */
export type ServiceKind = "systemd-user" | "systemd-system" | "launchd" | "none";

/** Null wherever it could not be found out; `problem` then says why. */
export interface ServiceState {
  kind: ServiceKind;
  /** The file that describes the service. */
  unit: string | null;
  installed: boolean | null;
  /** Whether it starts by itself when the machine does. */
  enabled: boolean | null;
  running: boolean | null;
  pid: number | null;
  /** The `ocp` that the service runs. */
  program: string | null;
  problem: string | null;
}

/** All of these throw OcpError with a sentence that says what failed and what to do. */
export interface ServiceManager {
  readonly kind: ServiceKind;
  state(): Promise<ServiceState>;
  /** Resolve when the manager says that it is done; whether the server answers is for the caller to ask. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** With the environment as it now is on disk. */
  restart(): Promise<void>;
}

/** The machine as service managers need it. */
export interface ServiceMachine {
  platform: NodeJS.Platform;
  /** The user's id; 0 is root. */
  uid: number;
  userName: string;
  home: string;
  environment: Readonly<Record<string, string | undefined>>;
  run: Run;
}
