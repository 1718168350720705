/** OpenAI's responses, with the whole conversation in each request. */

import type { Message } from "../../src/core/conversation.ts";
import { callsIn, contentOf, resultsIn, textIn } from "./content.ts";
import type { Answer, Dialect } from "./dialect.ts";

export const responses: Dialect = {
  name: "responses",
  path: "/v1/responses",
  request: ({ messages, stream, model = "sonnet", tools = [] }) => ({
    model,
    stream,
    store: false,
    input: messages.flatMap(items),
    ...(tools.length > 0
      ? {
          tools: tools.map(({ name, description, inputSchema }) => {
            return { type: "function", name, description, parameters: inputSchema, strict: false };
          }),
        }
      : {}),
  }),
  whole,
  streamed(frames) {
    const last = frames.findLast(({ type }) => type === "response.completed");
    return last ? whole(last.response) : { content: [], complete: false };
  },
};

function items(message: Message): object[] {
  const text = textIn(message.content);
  const said = text === "" ? [] : [{ role: message.role, content: text }];
  if (message.role === "assistant") {
    const calls = callsIn(message).map(({ id, name, input }) => {
      return { type: "function_call", call_id: id, name, arguments: JSON.stringify(input) };
    });
    return [...said, ...calls];
  }
  const results = resultsIn(message).map(({ tool_use_id, content }) => {
    return { type: "function_call_output", call_id: tool_use_id, output: textIn(content) };
  });
  return [...results, ...said];
}

function whole({ status, output }: any): Answer {
  const said = output.filter(({ type }: any) => type === "message");
  const called = output.filter(({ type }: any) => type === "function_call");
  const calls = called.map(({ call_id, name, arguments: json }: any) => ({ id: call_id, name, json }));
  return {
    content: contentOf(textIn(said.flatMap(({ content }: any) => content.map(outputText))), calls),
    complete: status === "completed",
  };
}

const outputText = ({ text }: { text: string }) => ({ type: "text", text });
