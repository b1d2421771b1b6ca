import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { test } from "node:test";
import { keyId, readCheckpoint } from "../src/lib/checkpoint.js";
import { type Hash, joined, leafHash, rootOf } from "../src/lib/merkle.js";
import { type Crypto, type ProofDocument, verifyProof } from "../src/lib/proof.js";

type Bytes = Uint8Array<ArrayBuffer>;

const digest = (data: Uint8Array): Bytes => new Uint8Array(createHash("sha256").update(data).digest());
const sha256: Hash = async (data) => digest(data);
const ORIGIN = "huying.example/990101";

/** RFC 6962 §2.1, the recursive definition: an oracle that shares nothing with the code under test. */
function treeHash(leaves: Bytes[]): Bytes {
  if (leaves.length === 0) return digest(new Uint8Array());
  const [only] = leaves;
  if (leaves.length === 1 && only) return digest(joined(Uint8Array.of(0), only));
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return digest(joined(Uint8Array.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k))));
}

/** RFC 6962 §2.1.1, the recursive definition of a path. */
function path(index: number, leaves: Bytes[]): Bytes[] {
  if (leaves.length <= 1) return [];
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return index < k
    ? [...path(index, leaves.slice(0, k)), treeHash(leaves.slice(k))]
    : [...path(index - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
}

const entries = (count: number): Bytes[] =>
  Array.from({ length: count }, (_, i) => new Uint8Array(new TextEncoder().encode(`{"n":${i}}`)));
const base64 = (data: Uint8Array): string => Buffer.from(data).toString("base64");

interface Signer {
  raw: Bytes;
  secret: KeyObject;
}

function signer(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    raw: new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32)),
    secret: privateKey,
  };
}

async function note(size: number, root: Uint8Array, by: Signer, extra: string[] = []): Promise<string> {
  const text = `${ORIGIN}\n${size}\n${base64(root)}\n`;
  const id = await keyId(ORIGIN, by.raw, sha256);
  const signature = joined(id, sign(null, Buffer.from(text), by.secret));
  return `${text}\n${[...extra, `— ${ORIGIN} ${base64(signature)}`].join("\n")}\n`;
}

const crypto: Crypto = {
  sha256,
  ed25519: async (signature, message, key) => {
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]);
    return verify(null, message, { key: der, format: "der", type: "spki" }, signature);
  },
};

async function proof(index: number, count: number, by: Signer): Promise<ProofDocument> {
  const leaves = entries(count);
  const root = treeHash(leaves);
  return {
    entry: base64(leaves[index] ?? new Uint8Array()),
    index,
    size: count,
    hashes: path(index, leaves).map(base64),
    root: base64(root),
    checkpoint: await note(count, root, by),
    public_key: base64(by.raw),
    origin: ORIGIN,
  };
}

test("the empty tree and known roots of RFC 6962 leaves", async () => {
  const known: Bytes[] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ].map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
  assert.equal(
    Buffer.from(treeHash(known)).toString("hex"),
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  );
  const root = await rootOf(await leafHash(known[5] as Bytes, sha256), 5, 8, path(5, known), sha256);
  assert.deepEqual(root, treeHash(known));
});

test("every leaf of every tree up to 40 leaves proves its root", async () => {
  for (let size = 1; size <= 40; size++) {
    const leaves = entries(size);
    const root = treeHash(leaves);
    for (let index = 0; index < size; index++) {
      const leaf = await leafHash(leaves[index] as Bytes, sha256);
      assert.deepEqual(await rootOf(leaf, index, size, path(index, leaves), sha256), root);
    }
  }
});

test("a path too long, too short, of another index or of wrong length proves nothing", async () => {
  const leaves = entries(11);
  const root = treeHash(leaves);
  const leaf = await leafHash(leaves[6] as Bytes, sha256);
  const good = path(6, leaves);
  const wrong: [number, number, Bytes[]][] = [
    [6, 11, good.slice(1)],
    [6, 11, [...good, root]],
    [7, 11, good],
    [6, 6, good],
    [-1, 11, good],
    [6.5, 11, good],
    [6, 11, [new Uint8Array(31), ...good.slice(1)]],
  ];
  for (const [index, size, hashes] of wrong) {
    const got = await rootOf(leaf, index, size, hashes, sha256);
    assert.notDeepEqual(got, root);
  }
});

test("a genuine receipt passes all four steps", async () => {
  const steps = await verifyProof(await proof(4, 9, signer()), crypto);
  assert.equal(steps.length, 4);
  assert.ok(steps.every((step) => step.ok));
});

test("any tampering fails at its step", async () => {
  const by = signer();
  const good = await proof(4, 9, by);
  const other = await proof(5, 9, by);
  const root = Buffer.from(good.root, "base64");
  const cases: Record<string, ProofDocument> = {
    entry: { ...good, entry: other.entry },
    index: { ...good, index: 3 },
    "size in the page": { ...good, size: 10 },
    root: { ...good, root: base64(digest(root)) },
    "checkpoint of another tree": { ...good, checkpoint: await note(8, root, by) },
    "checkpoint of another key": { ...good, checkpoint: await note(9, root, signer()) },
    "another origin": { ...good, origin: "elsewhere.example" },
    "checkpoint cut off": { ...good, checkpoint: good.checkpoint.slice(0, -1) },
    "signed text changed": {
      ...good,
      checkpoint: good.checkpoint.replace("\n9\n", "\n9\n".replace("9", "09")),
    },
    "signature changed": { ...good, checkpoint: flipSignature(good.checkpoint) },
  };
  for (const [name, document] of Object.entries(cases)) {
    const steps = await verifyProof(document, crypto);
    assert.ok(!steps.at(-1)?.ok, name);
  }
});

function flipSignature(checkpoint: string): string {
  const line = checkpoint.lastIndexOf(" ");
  const blob = Buffer.from(checkpoint.slice(line + 1), "base64");
  blob[20] = (blob[20] ?? 0) ^ 1;
  return `${checkpoint.slice(0, line + 1)}${blob.toString("base64")}\n`;
}

test("signatures of witnesses and of other algorithms stand beside ours", async () => {
  const by = signer();
  const good = await proof(2, 7, by);
  const witness = `— witness.example ${base64(new Uint8Array(72))}`;
  const sm2 = `— ${ORIGIN} ${base64(new Uint8Array(76))}`;
  const checkpoint = await note(7, Buffer.from(good.root, "base64"), by, [sm2, witness]);
  assert.equal(readCheckpoint(checkpoint)?.signatures.length, 3);
  const steps = await verifyProof({ ...good, checkpoint }, crypto);
  assert.ok(steps.every((step) => step.ok));
});

test("what is not a checkpoint is not read", () => {
  for (const text of [
    "",
    "a\n1\nAAAA\n",
    "a\nx\nAAAA\n\n— a AAAA\n",
    "a\n1\nAAAA\n\nno dash AAAA\n",
    "a\n1\n***\n\n— a AAAA\n",
  ]) {
    assert.equal(readCheckpoint(text), null);
  }
});
