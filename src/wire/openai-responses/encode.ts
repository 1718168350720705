/** A turn's events as a response of OpenAI's Responses API: a stream of SSE frames, or one object. */

import type { TurnEvent } from "../../core/turn.ts";
import { asOcpError, cutOff } from "../break-off.ts";
import { type Answer, type AssemblerOptions, createAssembler } from "./assemble.ts";
import type { ServerEvent } from "./blocks.ts";
import type { ResponseObject } from "./response.ts";

export interface ResponsesEncoding extends AssemblerOptions {
  /** Called once with a whole answer, before the client hears of its end: it may refer to it at once. */
  onAnswer?(answer: Answer): void;
}

/**
 * The frames of a streamed answer, each with its closing blank line. The last one tells the end; there is no `[DONE]`.
 *
 * A failure is told twice: `response.failed` is what Codex and the AI SDK read, `error` what the OpenAI SDKs throw at.
 */
export async function* encodeResponsesStream(
  events: AsyncIterable<TurnEvent>,
  options: ResponsesEncoding,
): AsyncGenerator<string> {
  const assembler = createAssembler(options);
  let sequence = 0;
  const frame = ({ type, ...rest }: ServerEvent) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...rest })}\n\n`;
  try {
    for await (const event of events) {
      const produced = assembler.push(event);
      const answer = event.type === "end" ? assembler.answer() : null;
      if (answer !== null) options.onAnswer?.(answer);
      for (const each of produced) yield frame(each);
    }
    if (assembler.answer() === null) throw cutOff();
  } catch (error) {
    if (assembler.answer() !== null) throw error;
    for (const each of assembler.fail(asOcpError(error))) yield frame(each);
  }
}

/** The whole answer. Throws what the turn throws, and OcpError `upstream_failed` if it ends without its `end`. */
export async function collectResponse(
  events: AsyncIterable<TurnEvent>,
  options: ResponsesEncoding,
): Promise<ResponseObject> {
  const assembler = createAssembler(options);
  for await (const event of events) assembler.push(event);
  const answer = assembler.answer();
  if (answer === null) throw cutOff();
  options.onAnswer?.(answer);
  return answer.response;
}
