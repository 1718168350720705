/** What keeps the server running on a machine, whichever of the service managers that is. */

import type { Run } from "./command.ts";

/** `script`: neither systemd nor launchd is there, so it is a script that cron or the user starts. */
export type ServiceKind = "systemd-user" | "systemd-system" | "launchd" | "script";

/** Null wherever it could not be found out; `problem` then says why. */
export interface ServiceState {
  kind: ServiceKind;
  /** The file that describes the service. */
  unit: string;
  installed: boolean | null;
  /** Whether it starts by itself when the machine does. */
  enabled: boolean | null;
  running: boolean | null;
  pid: number | null;
  /** The `ocp` that the service runs. */
  program: string | null;
  problem: string | null;
}

export interface ServiceSpec {
  /** The absolute path of the `ocp` to run. */
  program: string;
  /** Whether the user agreed to a line in the crontab, where only that can start the service. */
  cron: boolean;
}

export interface Installed {
  /** A sentence for each thing that was done; none when all was as it should be. */
  done: string[];
  /** What the user should know or do. */
  advice: string[];
}

/** All of these throw OcpError not_ready with a sentence that says what failed and what to do. */
export interface ServiceManager {
  readonly kind: ServiceKind;
  state(): Promise<ServiceState>;
  /** Writes what the manager needs, after it has stopped what an older version left. Starts nothing. */
  install(spec: ServiceSpec): Promise<Installed>;
  /** Stops the service and takes away what `install` wrote. Resolves with a sentence for each thing that it did. */
  uninstall(): Promise<string[]>;
  /** These resolve when the manager says that it is done; whether the server answers is for the caller to ask. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** With the environment as it now is on disk. */
  restart(): Promise<void>;
  /** The last lines of what the service said, for people; empty when there are none. */
  lastWords(): Promise<string>;
}

/** The machine as service managers need it. */
export interface ServiceMachine {
  platform: NodeJS.Platform;
  /** The user's id; 0 is root. */
  uid: number;
  home: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where systemd keeps the units of the system, `/etc/systemd/system`. */
  systemUnits: string;
  run: Run;
  /** Epoch ms. */
  now: () => number;
}

/** Of OCP's own files, those that services use. */
export interface ServicePaths {
  data: string;
  logs: string;
  serviceEnv: string;
}
