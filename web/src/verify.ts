/** The receipt page: the visitor's own browser checks the proof, nothing is asked of the server. */

import * as nobleEd25519 from "@noble/ed25519";
import { verifyAsync } from "@noble/ed25519";
import { sha256 as nobleSha256, sha512 as nobleSha512 } from "@noble/hashes/sha2.js";
import { make, one } from "./lib/dom.js";
import { type Crypto, type ProofDocument, verifyProof } from "./lib/proof.js";
import { say } from "./lib/words.js";

// Browsers hide WebCrypto on pages without TLS; the check must work there too.
const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
nobleEd25519.hashes.sha512 = (message) => nobleSha512(message);
nobleEd25519.hashes.sha512Async = async (message) => nobleSha512(message);

const crypto: Crypto = {
  sha256: async (data) =>
    subtle ? new Uint8Array(await subtle.digest("SHA-256", data)) : new Uint8Array(nobleSha256(data)),
  ed25519: async (signature, message, key) => {
    try {
      if (!subtle) throw new Error("no WebCrypto");
      const imported = await subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
      return await subtle.verify("Ed25519", imported, signature, message);
    } catch {
      // A browser without Ed25519 (Chrome before 137, older WeChat): the same check in JavaScript.
      return verifyAsync(signature, message, key).catch(() => false);
    }
  },
};

async function run(): Promise<void> {
  const verdict = one("[data-verdict]");
  const list = one("[data-proof]");
  const source = document.getElementById("proof");
  if (!verdict || !list || !source) return;
  const conclude = (ok: boolean, words: string) => {
    verdict.dataset.result = ok ? "ok" : "bad";
    const text = verdict.querySelector("span");
    if (text) text.textContent = words;
  };
  try {
    const steps = await verifyProof(JSON.parse(source.textContent ?? "") as ProofDocument, crypto);
    list.replaceChildren(
      ...steps.map((step) =>
        make(
          "li",
          { "data-result": step.ok ? "ok" : "bad" },
          make("strong", {}, step.title),
          make("small", {}, step.detail),
        ),
      ),
    );
    const ok = steps.every((step) => step.ok);
    conclude(
      ok,
      ok
        ? say("验过了，这份记录真实、完整，存证后没有人动过")
        : say("没有通过。这份记录和总账对不上，请截图联系我们"),
    );
  } catch {
    conclude(false, say("这一页的验证材料不完整，请刷新后再试"));
  }
}

void run();
