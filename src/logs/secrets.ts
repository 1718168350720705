/** The last guard before an entry is written: no key and no token leaves in a log, whoever put it there. */

/** What all keys of this server and all of Anthropic's tokens look like. */
const shapes = /\b(sk-ant-[\w-]{4,}|ocp_[\w-]{16,})/g;

/** A function that blanks these secrets, and whatever looks like a key, in a text. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, "[secret]");
    return clean.replace(shapes, "[secret]");
  };
}
