/** The frames of a stream of server-sent events, as they come. */

/** The JSON behind `data: `; null for `[DONE]`. */
export async function* framesOf(response: Response): AsyncGenerator<any> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of response.body ?? []) {
    const frames = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) {
      const line = frame.split("\n").find((each) => each.startsWith("data: "));
      const data = line?.slice("data: ".length);
      if (data !== undefined) yield data === "[DONE]" ? null : JSON.parse(data);
    }
  }
}
