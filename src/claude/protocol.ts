/**
 * The wire between us and a `claude` process: NDJSON frames, typed by the official SDK's declarations, so that the
 * compiler tells when the protocol drifts. Only types come from there; the frames are made here.
 */

import type { SDKControlRequest, SDKControlResponse, SDKMessage } from "@anthropic-ai/claude-agent-sdk";
import type { Message } from "../core/conversation.ts";
import { assistantBlocks } from "./blocks.ts";

/** What the CLI writes. Types that are not listed here exist, come without notice, and are ignored. */
export type CliFrame = SDKMessage | SDKControlRequest | SDKControlResponse | { type: "keep_alive" };

export type StreamFrame = Extract<SDKMessage, { type: "stream_event" }>;
export type ResultFrame = Extract<SDKMessage, { type: "result" }>;
export type RetryFrame = Extract<SDKMessage, { subtype: "api_retry" }>;
export type RateLimitInfo = Extract<SDKMessage, { type: "rate_limit_event" }>["rate_limit_info"];

/** The control requests that we send. `initialize` takes effect once in a process's life, the others at any time. */
export type HostRequest =
  | { subtype: "initialize"; systemPrompt: string[]; sdkMcpServers?: string[] }
  | { subtype: "mcp_set_servers"; servers: Record<string, { type: "sdk"; name: string }> }
  /** A message of the MCP server that we host. */
  | { subtype: "mcp_message"; server_name: string; message: { jsonrpc: string; method: string } }
  /** 2.1.330: answers with what applies, as `applied.effort`. */
  | { subtype: "get_settings" }
  /** Not in the SDK's declarations. Takes the process back to before a message of ours (2.1.330; 2.1.197 the last). */
  | { subtype: "rewind_conversation"; target_message_uuid: string; last_seen_user_message_uuid: string }
  | { subtype: "apply_flag_settings"; settings: FlagSettings }
  | { subtype: "set_max_thinking_tokens"; max_thinking_tokens: number | null }
  | { subtype: "interrupt" }
  | { subtype: "get_usage"; skip_behaviors: true };

export interface FlagSettings {
  env?: Record<string, string>;
  /** Null: back to the model's own. */
  effortLevel?: "low" | "medium" | "high" | "xhigh" | "max" | null;
  /** Binds a spare's model before its first message, where the CLI leaves no trace of that (capabilities.ts). */
  model?: string;
}

export type HostFrame =
  | { type: "control_request"; request_id: string; request: HostRequest }
  | SDKControlResponse
  | UserFrame
  | AssistantFrame;

interface UserFrame {
  type: "user";
  session_id: "";
  parent_tool_use_id: null;
  /**
   * The CLI then neither expands `@file` nor runs `/commands` (2.1.330; older ones ignore it: see replay.ts). Not with
   * `shouldQuery: false`: 2.1.330 then sends an empty system message upstream, and its reminders stand at the end of
   * the conversation instead of its beginning, where a live process has them.
   */
  client_composed?: true;
  /** Absent: the model answers. `false`: the message only joins the conversation. */
  shouldQuery?: false;
  /** Names the message for `rewind_conversation`. */
  uuid?: string;
  message: { role: "user"; content: unknown[] };
}

interface AssistantFrame {
  type: "assistant";
  session_id: "";
  parent_tool_use_id: null;
  uuid: string;
  message: Record<string, unknown>;
}

/** A user message that the model is to answer (`query`) or that happened before. */
export function userFrame(content: unknown[], query: boolean, uuid?: string): HostFrame {
  return {
    type: "user",
    session_id: "",
    parent_tool_use_id: null,
    ...(query ? { client_composed: true } : { shouldQuery: false }),
    ...(uuid === undefined ? {} : { uuid }),
    message: { role: "user", content },
  };
}

/**
 * An assistant message that happened before. It carries the session's own model, since the CLI drops signed thinking
 * of another one, and a usage that is not zero, since the CLI counts the tokens of such messages over the network.
 */
export function assistantFrame(message: Extract<Message, { role: "assistant" }>, model: string): HostFrame {
  const uuid = crypto.randomUUID();
  const calls = message.content.some((block) => block.type === "tool_use");
  return {
    type: "assistant",
    session_id: "",
    parent_tool_use_id: null,
    uuid,
    message: {
      id: `msg_${uuid.replaceAll("-", "")}`,
      type: "message",
      role: "assistant",
      model,
      content: assistantBlocks(message.content),
      stop_reason: calls ? "tool_use" : "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    },
  };
}
