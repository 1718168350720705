/** The answer without a script: it says that nobody asked a model, and shows what came in. */

import { blocksOf, lastUserText, type MessagesBody } from "./request.ts";
import type { AnswerScript } from "./script.ts";

const shownCharacters = 500;

export function greeting(body: MessagesBody, paceMs: number): AnswerScript {
  const conversation = body.messages.filter((message) => message.role !== "system");
  const blocks = conversation.flatMap((message) => blocksOf(message.content));
  const media = blocks.filter((block) => block.type === "image" || block.type === "document").length;
  const messages = plural(conversation.length, "message");
  const received = media ? `${messages} and ${plural(media, "image or document", "images or documents")}` : messages;

  const said = lastUserText(body);
  const shown = said.length > shownCharacters ? `${said.slice(0, shownCharacters)}...` : said;
  const text = `This is a simulated answer: no model was asked. ${body.model} would have got ${received}. You said: ${shown}`;
  return { blocks: [text], paceMs };
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
