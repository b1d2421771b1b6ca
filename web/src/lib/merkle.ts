/** RFC 6962 inclusion proofs (§2.1.1), as pure functions over a given SHA-256. */

export type Hash = (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

export function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, position) => byte === b[position]);
}

/** Hash of a leaf: SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Uint8Array, sha256: Hash): Promise<Uint8Array<ArrayBuffer>> {
  return sha256(joined(Uint8Array.of(0), entry));
}

/**
 * The root that `leaf` at `index` and its neighbours give in a tree of `size` leaves, or null if the number of
 * neighbours cannot be right. Arithmetic instead of bit operators: a tree may hold more than 2³¹ leaves.
 */
export async function rootOf(
  leaf: Uint8Array<ArrayBuffer>,
  index: number,
  size: number,
  neighbours: Uint8Array<ArrayBuffer>[],
  sha256: Hash,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const neighbour of neighbours) {
    if (last === 0 || neighbour.length !== 32) return null;
    if (node % 2 === 1 || node === last) {
      hash = await sha256(joined(Uint8Array.of(1), neighbour, hash));
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await sha256(joined(Uint8Array.of(1), hash, neighbour));
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}
