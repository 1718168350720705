/** Settings about what a request may hold. */

import { expect } from "bun:test";
import { ask } from "../../chat/client.ts";
import { sentSystem } from "../../chat/upstream.ts";
import type { Effect, FakeServer } from "./bench.ts";

/** 70 bytes. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const image = (url: string) => ({ type: "image_url", image_url: { url } });
const local = image(`data:image/png;base64,${png}`);
const remote = image("https://example.com/picture.png");

const show = async ({ ocp }: FakeServer, ...images: unknown[]) =>
  (await ask(ocp, { messages: [{ role: "user", content: [...images, { type: "text", text: "What is it?" }] }] }))
    .status;

/** The images are refused with this status under the first changes, and taken under the second. */
const bounds =
  (images: unknown[], status: number, refusing: Record<string, unknown>, taking: Record<string, unknown>): Effect =>
  async ({ fake }) => {
    const server = await fake();
    await server.set(refusing);
    expect(await show(server, ...images)).toBe(status);
    await server.set(taking);
    expect(await show(server, ...images)).toBe(200);
  };

export const input: Record<string, Effect> = {
  imageAllowUrl: bounds([remote], 400, { imageAllowUrl: false }, { imageAllowUrl: true }),
  maxImageBytes: bounds([local], 413, { maxImageBytes: 69 }, { maxImageBytes: 70 }),
  maxImages: bounds([local, local], 413, { maxImages: 1 }, { maxImages: 2 }),
  maxImageTotalBytes: bounds([local, local], 413, { maxImageTotalBytes: 139 }, { maxImageTotalBytes: 140 }),

  async systemPrompt({ real }) {
    const { ocp, simulator, set } = await real();
    const messages = [
      { role: "system", content: "Be kind." },
      { role: "user", content: "Hi." },
    ];
    await set({ systemPrompt: "Answer\nin rhymes." });
    expect((await ask(ocp, { messages })).status).toBe(200);
    expect(sentSystem(await simulator.message(1))).toBe("Be kind.\n\nAnswer\nin rhymes.");
    await set({ systemPrompt: null });
    expect((await ask(ocp, { messages })).status).toBe(200);
    expect(sentSystem(await simulator.message(2))).toBe("Be kind.");
  },
};
