/** `ocp licences`: the notices of what is in the binary, which the licences of those want to be passed on with it. */

import { licenceNotices } from "../../licences/notices.ts";
import { renderNotices } from "../../licences/render.ts";
import { exitCodes, type Host, write } from "./output.ts";

export async function printLicences(json: boolean, host: Host): Promise<number> {
  const notices = await licenceNotices();
  await write(host, host.stdout, json ? `${JSON.stringify(notices, null, 2)}\n` : renderNotices(notices));
  return exitCodes.ok;
}
