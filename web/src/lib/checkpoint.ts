/** C2SP tlog-checkpoint in a C2SP signed-note: reading one and finding the signature of a key. */
import { type Hash, joined, same } from "./merkle.js";

export interface Signature {
  name: string;
  keyId: Uint8Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array<ArrayBuffer>;
  /** What was signed: the note's text with its last newline. */
  signed: Uint8Array<ArrayBuffer>;
  signatures: Signature[];
}

const ED25519 = 1;

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function signature(line: string): Signature | null {
  const parts = /^— (\S+) (\S+)$/.exec(line);
  if (!parts?.[1] || !parts[2]) return null;
  const blob = fromBase64(parts[2]);
  return { name: parts[1], keyId: blob.slice(0, 4), bytes: blob.slice(4) };
}

/** Reads a signed checkpoint; null if it is not one. */
export function readCheckpoint(note: string): Checkpoint | null {
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) return null;
  const text = note.slice(0, split + 1);
  const [origin, count, root] = text.split("\n");
  if (!origin || !root || !/^(0|[1-9]\d{0,15})$/.test(count ?? "")) return null;
  try {
    const signatures = note
      .slice(split + 2, -1)
      .split("\n")
      .map(signature);
    if (signatures.some((found) => found === null)) return null;
    return {
      origin,
      size: Number(count),
      root: fromBase64(root),
      signed: new TextEncoder().encode(text),
      signatures: signatures.filter((found) => found !== null),
    };
  } catch {
    return null;
  }
}

/** Id of an Ed25519 key: the first four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ key). */
export async function keyId(name: string, key: Uint8Array, sha256: Hash): Promise<Uint8Array> {
  const hash = await sha256(joined(new TextEncoder().encode(`${name}\n`), Uint8Array.of(ED25519), key));
  return hash.slice(0, 4);
}

/** The signature a key of that name made, if there is one of the right length. */
export async function signatureOf(
  checkpoint: Checkpoint,
  name: string,
  key: Uint8Array,
  sha256: Hash,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const id = await keyId(name, key, sha256);
  const found = checkpoint.signatures.find(
    (s) => s.name === name && same(s.keyId, id) && s.bytes.length === 64,
  );
  return found?.bytes ?? null;
}
