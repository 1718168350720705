/**
 * Signs as `ssh-keygen -Y sign` does, with an Ed25519 key of node:crypto, for machines whose openssl cannot verify.
 * The format is OpenSSH's PROTOCOL.sshsig. What is signed begins with SSHSIG, so it is never also a list of releases.
 */

import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";

const magic = "SSHSIG";
const algorithm = "ssh-ed25519";
const hash = "sha512";

/** As in an `authorized_keys` file. */
export function sshPublicKey(privateKey: KeyObject): string {
  return `${algorithm} ${publicBlob(privateKey).toString("base64")}`;
}

/** The base64 that stands between the two lines of an armoured signature. */
export function sshSignature(text: string, namespace: string, privateKey: KeyObject): string {
  const digest = createHash(hash).update(text).digest();
  const about = [field(namespace), field(""), field(hash)];
  const signed = Buffer.concat([Buffer.from(magic), ...about, field(digest)]);
  const signature = Buffer.concat([field(algorithm), field(sign(null, signed, privateKey))]);
  const version = Buffer.from([0, 0, 0, 1]);
  return Buffer.concat([
    Buffer.from(magic),
    version,
    field(publicBlob(privateKey)),
    ...about,
    field(signature),
  ]).toString("base64");
}

export function armoured(signature: string): string {
  const lines = signature.match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join("\n")}\n-----END SSH SIGNATURE-----\n`;
}

function publicBlob(privateKey: KeyObject): Buffer {
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  // The key itself is at the end of this form.
  return Buffer.concat([field(algorithm), field(spki.subarray(-32))]);
}

/** A string of RFC 4251: its length in four bytes, then itself. */
function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
