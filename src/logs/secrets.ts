/** The last guard before a line is written: no key and no token leaves in a log, whoever put it into a message. */

/** What all keys of this server and all of Anthropic's tokens look like. */
const shapes = /\b(sk-ant-[\w-]{4,}|ocp_[\w-]{16,})/g;

/** A function that blanks the secrets of these values, and whatever looks like a key, in a line. */
export function createRedactor(secrets: readonly string[]): (line: string) => string {
  const known = secrets.filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  // As a value stands in JSON.
  const written = known.map((secret) => JSON.stringify(secret).slice(1, -1));
  return (line) => {
    let clean = line;
    for (const secret of written) if (clean.includes(secret)) clean = clean.replaceAll(secret, "[secret]");
    return clean.replace(shapes, "[secret]");
  };
}
