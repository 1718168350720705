/** How many of what a request may hold; the values in all are bounded where the body is parsed (core/json-bounds.ts). */

/** Messages or items: more than fit into a window of a million tokens, and each is entered into the CLI by itself. */
export const maxMessages = 10_000;
export const maxTools = 1_000;
