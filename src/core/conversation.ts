/**
 * What a client asks for, independent of the dialect it spoke.
 *
 * The shapes follow Anthropic's Messages API, because that is what the `claude` CLI speaks:
 * `/v1/messages` is nearly the identity, the OpenAI dialects are translations.
 */

export interface TextBlock {
  type: "text";
  text: string;
}

export type ImageMediaType = "image/png" | "image/jpeg" | "image/gif" | "image/webp";

export interface ImageBlock {
  type: "image";
  source: { type: "base64"; media_type: ImageMediaType; data: string } | { type: "url"; url: string };
}

export interface DocumentBlock {
  type: "document";
  source:
    | { type: "base64"; media_type: "application/pdf"; data: string }
    | { type: "text"; media_type: "text/plain"; data: string }
    | { type: "url"; url: string };
  title?: string;
  /** What the document is, for the model; not a part of it. */
  context?: string;
}

export interface ToolUseBlock {
  type: "tool_use";
  id: string;
  name: string;
  input: Record<string, unknown>;
}

export interface ToolResultBlock {
  type: "tool_result";
  tool_use_id: string;
  content: Array<TextBlock | ImageBlock | DocumentBlock>;
  is_error?: boolean;
}

export interface ThinkingBlock {
  type: "thinking";
  thinking: string;
  signature: string;
}

export interface RedactedThinkingBlock {
  type: "redacted_thinking";
  data: string;
}

/** An instruction of the client that stands inside of the conversation: it binds from there on, not from the start. */
export interface SystemBlock {
  type: "system";
  text: string;
}

export type UserBlock = TextBlock | ImageBlock | DocumentBlock | ToolResultBlock | SystemBlock;
export type AssistantBlock = TextBlock | ToolUseBlock | ThinkingBlock | RedactedThinkingBlock;

export interface UserMessage {
  role: "user";
  content: UserBlock[];
}

export interface AssistantMessage {
  role: "assistant";
  content: AssistantBlock[];
}

export type Message = UserMessage | AssistantMessage;

/** Effort levels of the CLI (`supportedEffortLevels` of its model list); `none` turns thinking off. */
export type Effort = "none" | "low" | "medium" | "high" | "xhigh" | "max";

/** A function of the client's: the model may ask for its result, the client alone runs it. */
export interface Tool {
  name: string;
  description: string;
  /** JSON Schema of an object, as the client wrote it. */
  inputSchema: Record<string, unknown>;
}

export type ToolChoice = { type: "auto" } | { type: "none" } | { type: "any" } | { type: "tool"; name: string };

export interface Toolbox {
  /** At least one; names are unique. */
  tools: Tool[];
  choice: ToolChoice;
  /** Whether one answer may hold several calls. */
  parallel: boolean;
}

/** The answer is to be one JSON value that fits a schema. */
export interface OutputFormat {
  /** Letters, digits, `_` and `-`. */
  name: string;
  /** As the client wrote it; null: any JSON object. */
  schema: Record<string, unknown> | null;
}

/** Parameters of the model's API. What is absent is left to the CLI's own default for the model. */
export interface Sampling {
  /** Tokens. */
  maxTokens?: number;
  /** 0 to 1. */
  temperature?: number;
  /** 0 to 1. */
  topP?: number;
  topK?: number;
  /** Texts that end the answer; none of them is part of it. */
  stop: string[];
  effort?: Effort;
  /** Tokens, for models that think by a budget. */
  thinkingBudget?: number;
}

/**
 * One request: roles strictly alternate, the last message is the user's, no message is empty.
 * The decoders guarantee this, the engine relies on it.
 */
export interface Conversation {
  /** The id that the CLI gets: canonical, aliases resolved. */
  model: string;
  /** The system and developer texts before the first message, joined by blank lines; "" is none. */
  system: string;
  messages: Message[];
  /** Null: the client offers no tools. */
  toolbox: Toolbox | null;
  /** Null: the answer is text. */
  output: OutputFormat | null;
  sampling: Sampling;
  /** Names that the client gave its conversation: they order the candidates for it, and prove nothing. */
  hints: string[];
}
