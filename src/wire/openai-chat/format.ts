/** The form that the client wants the answer's text in. */

import type { OutputFormat } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { createOutputFormat } from "../json-schema.ts";
import type { ChatRequest } from "./schema.ts";

/** Null is plain text. Throws OcpError `invalid_request`. */
export function decodeFormat(format: ChatRequest["response_format"]): OutputFormat | null {
  switch (format?.type) {
    case undefined:
    case "text":
      return null;
    case "json_object":
      return { name: "json_object", schema: null };
    case "json_schema": {
      const at = "response_format.json_schema";
      const given = format.json_schema;
      if (given === undefined) throw invalid(`\`${at}\` is required.`, at);
      const paths = { name: `${at}.name`, schema: `${at}.schema` };
      const output = createOutputFormat({ name: given.name, schema: given.schema }, paths);
      return given.description === undefined ? output : describe(output, given.description);
    }
    default:
      throw invalid("The response format must be `text`, `json_object` or `json_schema`.", "response_format.type");
  }
}

/** To the model a format's description is its schema's: as an annotation it changes nothing that the schema allows. */
function describe({ name, schema }: OutputFormat, description: string): OutputFormat {
  return { name, schema: { description, ...(schema ?? { type: "object" }) } };
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
