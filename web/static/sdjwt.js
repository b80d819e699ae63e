// A credential of which its holder shows a part (RFC 9901), verified in the browser:
// the issuer's seal by the keys it publishes, each disclosure by its digest, and the
// status lists that it names, which the same keys have sealed.

const bytes = (text) => {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Error("not base64url");
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
};
const text = (raw) => new TextDecoder("utf-8", { fatal: true }).decode(raw);
const utf8 = (s) => new TextEncoder().encode(s);

const algorithms = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  ES384: [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }],
  PS256: [{ name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
};

// open returns the payload of a compact JWS that one of the keys has sealed, as one of
// the types.
async function open(jwt, keys, types) {
  const parts = jwt.split(".");
  if (parts.length !== 3) throw new Error("not a compact token");
  const header = JSON.parse(text(bytes(parts[0])));
  const alg = algorithms[header.alg];
  const key = keys.find((k) => k.kid === header.kid && k.alg === header.alg);
  if (!alg || !key || header.crit !== undefined || !types.includes(header.typ)) throw new Error("another header than expected");
  const { kty, crv, x, y, n, e } = key;
  const imported = await crypto.subtle.importKey("jwk", JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })), alg[0], false, ["verify"]);
  if (!await crypto.subtle.verify(alg[1], imported, bytes(parts[2]), utf8(parts[0] + "." + parts[1]))) throw new Error("the seal does not fit");
  return JSON.parse(text(bytes(parts[1])));
}

// reveal puts disclosures in the place of their digests (RFC 9901 section 7.1).
async function reveal(payload, disclosures) {
  if (payload._sd_alg !== undefined && payload._sd_alg !== "sha-256") throw new Error("another digest than expected");
  const given = new Map();
  for (const d of disclosures) {
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(d)));
    const digest = btoa(String.fromCharCode(...sum)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
    if (given.has(digest)) throw new Error("a disclosure is given twice");
    given.set(digest, JSON.parse(text(bytes(d))));
  }
  const seen = new Set();
  const take = (digest, length) => {
    if (typeof digest !== "string" || seen.has(digest)) throw new Error("a digest stands in two places");
    seen.add(digest);
    const d = given.get(digest);
    given.delete(digest);
    if (d && (!Array.isArray(d) || d.length !== length)) throw new Error("a disclosure of another kind");
    return d;
  };
  const walk = (v, top) => {
    if (Array.isArray(v)) {
      const out = [];
      for (const item of v) {
        if (item && typeof item === "object" && "..." in item) {
          const d = take(item["..."], 2);
          if (d) out.push(walk(d[1], false));
        } else out.push(walk(item, false));
      }
      return out;
    }
    if (!v || typeof v !== "object") return v;
    const out = Object.create(null);
    for (const [name, inner] of Object.entries(v)) {
      if (name === "_sd" || name === "_sd_alg" && top) continue;
      out[name] = walk(inner, false);
    }
    for (const digest of v._sd ?? []) {
      const d = take(digest, 3);
      if (!d) continue;
      if (typeof d[1] !== "string" || d[1] in out || ["_sd", "..."].includes(d[1])) throw new Error("a disclosure of what is there");
      out[d[1]] = walk(d[2], false);
    }
    return out;
  };
  const whole = walk(payload, true);
  if (given.size > 0) throw new Error("a disclosure belongs to nothing");
  return whole;
}

export const list = (v) => v === undefined || v === null ? [] : Array.isArray(v) ? v : [v];

// status is "valid", "suspended" or "revoked", or "unknown" where a list could not be
// had, is not of the issuer, or is over.
async function status(credential, keys, now) {
  let found = "valid";
  for (const entry of list(credential.credentialStatus)) {
    try {
      const url = new URL(entry.statusListCredential);
      if (url.origin !== location.origin) return "unknown";
      const answer = await fetch(url.pathname, { headers: { Accept: "application/vc+jwt" }, cache: "no-cache" });
      if (!answer.ok) return "unknown";
      const published = await open(await answer.text(), keys, ["vc+jwt"]);
      const subject = published.credentialSubject;
      const issuer = published.issuer?.id ?? published.issuer;
      if (published.id !== entry.statusListCredential || issuer !== credential.issuer.id || subject.statusPurpose !== entry.statusPurpose) return "unknown";
      if (published.validUntil && new Date(published.validUntil) < now) return "unknown";
      const packed = new Blob([bytes(subject.encodedList.slice(1))]).stream().pipeThrough(new DecompressionStream("gzip"));
      const bits = new Uint8Array(await new Response(packed).arrayBuffer());
      const index = Number(entry.statusListIndex);
      if (!Number.isSafeInteger(index) || index < 0 || index >= bits.length * 8) return "unknown";
      if (bits[index >> 3] >> (7 - index % 8) & 1) {
        if (entry.statusPurpose === "revocation") return "revoked";
        found = "suspended";
      }
    } catch {
      return "unknown";
    }
  }
  return found;
}

// verify returns the credential in a token and its state. It throws where the token is
// not exactly what the issuer sealed.
export async function verify(token, now = new Date()) {
  const parts = token.trim().split("~");
  if (parts.pop() !== "") throw new Error("no ~ at the end");
  const answer = await fetch("/.well-known/jwks.json", { cache: "no-cache" });
  if (!answer.ok) throw new TypeError("the keys could not be had");
  const { keys } = await answer.json();
  const credential = await reveal(await open(parts[0], keys, ["dc+sd-jwt"]), parts.slice(1));
  if (credential.iss !== credential.issuer?.id) throw new Error("sealed by another one than it names");
  let state = await status(credential, keys, now);
  if (credential.validUntil && new Date(credential.validUntil) < now && state === "valid") state = "expired";
  if (credential.validFrom && new Date(credential.validFrom) > new Date(now.getTime() + 60_000)) state = "unknown";
  return { credential, state };
}
