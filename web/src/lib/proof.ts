/** The whole check of a receipt, step by step: entry → leaf → root → checkpoint → signature. */
import { fromBase64, readCheckpoint, signatureOf } from "./checkpoint.js";
import { type Hash, leafHash, rootOf, same } from "./merkle.js";
import { say } from "./words.js";

/** What the page embeds in `<script type="application/json" id="proof">`. */
export interface ProofDocument {
  /** The sealed bytes, base64. */
  entry: string;
  index: number;
  size: number;
  /** Neighbouring hashes from the leaf upward, base64. */
  hashes: string[];
  root: string;
  /** Signed note. */
  checkpoint: string;
  /** Raw Ed25519 key, base64. */
  public_key: string;
  origin: string;
}

export interface Step {
  ok: boolean;
  title: string;
  detail: string;
}

export interface Crypto {
  sha256: Hash;
  ed25519: (
    signature: Uint8Array<ArrayBuffer>,
    message: Uint8Array<ArrayBuffer>,
    key: Uint8Array<ArrayBuffer>,
  ) => Promise<boolean>;
}

export function hex(bytes: Uint8Array, length = 8): string {
  return [...bytes.slice(0, length)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** All steps up to and including the first that fails; every `ok` true means the record is proved. */
export async function verifyProof(proof: ProofDocument, crypto: Crypto): Promise<Step[]> {
  const steps: Step[] = [];
  const step = (ok: boolean, title: string, detail: string): boolean => {
    steps.push({ ok, title, detail });
    return ok;
  };

  const leaf = await leafHash(fromBase64(proof.entry), crypto.sha256);
  step(
    true,
    say("内容没有被改动：指纹与存证时一致"),
    say("按公开算法（SHA-256）重新计算，指纹开头 %s", hex(leaf)),
  );

  const claimed = fromBase64(proof.root);
  const root = await rootOf(leaf, proof.index, proof.size, proof.hashes.map(fromBase64), crypto.sha256);
  const inTree = root !== null && same(root, claimed);
  const place = say(
    "记录在总账里：第 %s 条，账上共 %s 条",
    (proof.index + 1).toLocaleString("en"),
    proof.size.toLocaleString("en"),
  );
  if (!inTree) {
    steps.length = 0;
    step(false, say("逐级合并得到的根与总账不一致"), place);
    return steps;
  }
  step(true, place, say("沿 %s 个相邻指纹逐级合并，得到总账的根 %s", proof.hashes.length, hex(claimed)));

  const checkpoint = readCheckpoint(proof.checkpoint);
  if (!checkpoint) {
    step(false, say("签名文件不完整，读不出来"), "");
    return steps;
  }
  const says = say("签名文件写的是 %s，共 %s 条", checkpoint.origin, checkpoint.size.toLocaleString("en"));
  const agrees =
    checkpoint.origin === proof.origin && checkpoint.size === proof.size && same(checkpoint.root, claimed);
  if (!step(agrees, agrees ? say("总账的根与签名文件一致") : say("签名文件里的条数或根与回执不一致"), says)) {
    return steps;
  }

  const key = fromBase64(proof.public_key);
  const signature = await signatureOf(checkpoint, proof.origin, key, crypto.sha256);
  const genuine = signature !== null && (await crypto.ed25519(signature, checkpoint.signed, key));
  step(
    genuine,
    genuine ? say("签名是真的：出自 %s", proof.origin) : say("签名对不上"),
    say("Ed25519 签名，公钥指纹 %s", hex(key)),
  );
  return steps;
}
