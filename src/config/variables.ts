/** The environment variables that commands read, besides the server's settings: for the README's table. */

export const variables: ReadonlyArray<readonly [name: string, meaning: string]> = [
  ["OCP_URL", "The server that commands ask, instead of the one on this machine."],
  [
    "OCP_ADMIN_KEY",
    "The key that commands present, to whatever server they ask; the one in ~/.ocp/admin-key only goes to this machine's own.",
  ],
  ["OCP_UPDATE_URL", "Where `ocp update` looks for releases, such as a mirror on your network."],
  [
    "OCP_OPENCLAW_SYNC",
    "0: OpenClaw on this machine is left alone: `ocp install` does not write to it, and nothing warns that it is out of step.",
  ],
  ["OCP_SKIP_AUTH_TEST", "1: `ocp install` does not look whether claude is logged in."],
  ["OCP_INSTALL_URL", "For scripts/install: where the releases are."],
  ["OCP_INSTALL_DIR", "For scripts/install: where to put ocp; the default is ~/.local/bin."],
  ["OCP_VERSION", "For scripts/install: the release to install; the default is the newest."],
  [
    "OCP_INSTALL_UNVERIFIED",
    "For scripts/install: 1 installs also where no program can check the signature: the machine that answers is then trusted.",
  ],
  ["NO_COLOR", "Any value: no colours on a terminal."],
];
