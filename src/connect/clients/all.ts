/** All clients, in the order in which they are shown. */

import type { Client } from "../client.ts";
import { aider } from "./aider.ts";
import { claudeCode } from "./claude-code.ts";
import { cline } from "./cline.ts";
import { codex } from "./codex.ts";
import { continueDev } from "./continue.ts";
import { hinted } from "./hints.ts";
import { llm } from "./llm.ts";
import { openclaw } from "./openclaw.ts";
import { kilo, opencode } from "./opencode.ts";
import { roo } from "./roo.ts";
import { shell } from "./shell.ts";
import { zed } from "./zed.ts";

export const clients: readonly Client[] = [
  shell,
  opencode,
  kilo,
  codex,
  claudeCode,
  continueDev,
  cline,
  openclaw,
  aider,
  llm,
  zed,
  roo,
  ...hinted,
];
