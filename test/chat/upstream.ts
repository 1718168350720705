/** What the CLI sent upstream, without what it adds by itself, in a form that compares with what the client sent. */

import type { ReceivedRequest } from "../../src/demo/recorder.ts";
import type { ContentBlock, RequestMessage } from "../../src/demo/request.ts";
import type { Simulator } from "../../src/demo/simulator.ts";

/** The requests for a message since the last reset. */
export function messageRequests(simulator: Simulator): ReceivedRequest[] {
  return simulator.requests.filter(({ path }) => path === "/v1/messages");
}

/** The one request for a message since the last reset. Throws when there was another number of them. */
export function onlyRequest(simulator: Simulator): ReceivedRequest {
  const [request, ...more] = messageRequests(simulator);
  if (!request || more.length > 0) throw new Error(`${more.length + (request ? 1 : 0)} requests were sent upstream`);
  return request;
}

/**
 * The messages, a string as one text block. Left out are the CLI's reminders (texts of their own in a user message,
 * or messages of the role `system`) and its cache marks.
 */
export function sentMessages({ body }: ReceivedRequest): Array<{ role: string; content: unknown }> {
  return (body?.messages ?? [])
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => ({ role, content: normalised(content).filter((block) => !isReminder(block)) }))
    .filter(({ content }) => content.length > 0);
}

/** The system prompt without the two blocks that the CLI puts before it. */
export function sentSystem({ body }: ReceivedRequest): string {
  const blocks = normalised(body?.system ?? []).map(({ text }) => text ?? "");
  return blocks.filter((text) => !/^(x-anthropic-billing-header: |You are a Claude agent, )/.test(text)).join("");
}

/** Each process of the CLI calls itself another session. */
export function sessionOf({ body }: ReceivedRequest): string {
  const { user_id } = body!.metadata as { user_id: string };
  return JSON.parse(user_id).session_id;
}

function normalised(content: RequestMessage["content"]): ContentBlock[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return content.map(({ cache_control: _, ...block }) =>
    block.content === undefined
      ? (block as ContentBlock)
      : { ...block, type: block.type, content: normalised(block.content) },
  );
}

function isReminder({ type, text }: ContentBlock): boolean {
  return type === "text" && /^<system-reminder>\n[\s\S]*<\/system-reminder>\s*$/.test(text ?? "");
}
