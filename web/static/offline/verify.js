// Judging the extract in an offline code on this device. The states are those of
// package verifier, and none is better here than there: what this page does not know
// is "not_understood", and is for the server to judge.

import {read, Unread} from './code.js';

const skew = 60e3; // ms by which clocks differ
const day = 24 * 3600e3;
const fresh = 60e3; // ms for which a status list speaks for now

const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

class Judged extends Error {
  constructor(state, why) {
    super(why);
    this.state = state;
    this.why = why;
  }
}

// strictly parses JSON that is written in one way only: no member twice, no white
// space, no other escapes. What readers could take differently does not pass.
function strictly(bytes) {
  try {
    const text = utf8.decode(bytes);
    const value = JSON.parse(text);
    if (JSON.stringify(value) === text && value && typeof value === 'object') {
      return value;
    }
  } catch {
    // as what is written otherwise
  }
  throw new Judged('not_understood', 'json');
}

export function base64url(bytes) {
  let text = '';
  for (const b of bytes) {
    text += String.fromCharCode(b);
  }
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
}

const algorithms = {
  ES256: [{name: 'ECDSA', namedCurve: 'P-256'}, {name: 'ECDSA', hash: 'SHA-256'}],
  ES384: [{name: 'ECDSA', namedCurve: 'P-384'}, {name: 'ECDSA', hash: 'SHA-384'}],
  EdDSA: [{name: 'Ed25519'}, {name: 'Ed25519'}],
  PS256: [{name: 'RSA-PSS', hash: 'SHA-256'}, {name: 'RSA-PSS', saltLength: 32}],
  RS256: [{name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256'}, {name: 'RSASSA-PKCS1-v1_5'}],
};

// sealed reports whether a signature over a signing input is that of a key.
export async function sealed(alg, jwk, signature, input) {
  if (!Object.hasOwn(algorithms, alg) || jwk.alg && jwk.alg !== alg) {
    throw new Judged('not_understood', 'algorithm');
  }
  const [kind, how] = algorithms[alg];
  const {kty, crv, x, y, n, e} = jwk;
  let key;
  try {
    key = await crypto.subtle.importKey('jwk', {kty, crv, x, y, n, e}, kind, false, ['verify']);
  } catch {
    throw new Judged('not_understood', 'algorithm'); // an older browser has no Ed25519
  }
  return crypto.subtle.verify(how, key, signature, new TextEncoder().encode(input));
}

// splitToken takes a compact token apart.
export function splitToken(token) {
  const [header, payload, signature] = token.split('.');
  return {input: `${header}.${payload}`, header: JSON.parse(utf8.decode(fromBase64url(header))), payload: JSON.parse(utf8.decode(fromBase64url(payload))), signature: fromBase64url(signature)};
}

// find returns the issuer and the key of the trust file that a kid names.
function find(trust, kid) {
  for (const issuer of trust?.issuers ?? []) {
    for (const key of issuer.keys ?? []) {
      if (key.jwk.kid === kid) {
        return {issuer, key};
      }
    }
  }
  return null;
}

// What may stand in an extract, and how it is written. A member that is not here is
// not understood, never ignored.
const text = (v) => typeof v === 'string';
const url = (v) => text(v) && /^[a-z][a-z0-9+.-]*:\S+$/i.test(v);
const instant = (v) => text(v) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(v) && !Number.isNaN(Date.parse(v));
const is = (...all) => (v) => all.includes(v);
const texts = (v) => text(v) || object(v) && Object.values(v).every((one) => text(one) || Array.isArray(one) && one.every(text));
const object = (v) => v !== null && typeof v === 'object' && !Array.isArray(v);
const members = (may, must = []) => (v) => object(v) && must.every((name) => Object.hasOwn(v, name)) && Object.entries(v).every(([name, value]) => Object.hasOwn(may, name) && may[name](value));
const list = (of) => (v) => (Array.isArray(v) ? v.length > 0 && v.every(of) : of(v));
const concept = members({id: text, type: is('Concept'), prefLabel: texts, notation: text}, ['id']);
const organisation = members({id: url, type: is('Organisation'), legalName: texts});
const extract = members({
  '@context': (v) => Array.isArray(v) && v.length === 2 && v[0] === 'https://www.w3.org/ns/credentials/v2' && url(v[1]),
  id: url,
  type: (v) => JSON.stringify(v) === '["VerifiableCredential","EuropeanDigitalCredential"]',
  relatedResource: (v) => Array.isArray(v) && v.every(members({id: url, digestSRI: text}, ['id', 'digestSRI'])),
  identifier: members({type: is('Identifier'), notation: text, schemeName: text}),
  validFrom: instant,
  validUntil: instant,
  issuer: organisation,
  credentialStatus: list(members({type: is('BitstringStatusListEntry'), statusPurpose: is('revocation', 'suspension'), statusListIndex: (v) => text(v) && /^(0|[1-9]\d{0,9})$/.test(v), statusListCredential: url}, ['type', 'statusPurpose', 'statusListIndex', 'statusListCredential'])),
  credentialSubject: members({
    type: is('Person'), fullName: texts, givenName: texts, familyName: texts, dateOfBirth: text,
    hasClaim: members({
      type: is('LearningAchievement'), title: texts,
      awardedBy: members({type: is('AwardingProcess'), awardingBody: list(organisation), awardingDate: text}),
      specifiedBy: members({type: is('Qualification'), eqfLevel: concept, volumeOfLearning: text, mode: list(concept), learningOutcome: list(members({type: is('LearningOutcome'), title: texts}))}),
      provenBy: list(members({type: is('LearningAssessment'), title: texts, grade: members({type: is('Note'), noteLiteral: texts})})),
      creditReceived: list(members({type: is('CreditPoint'), framework: concept, point: text})),
    }),
  }),
}, ['@context', 'id', 'type', 'relatedResource', 'validFrom', 'issuer', 'credentialSubject']);

// The ELM contexts that this page was written for, by digest.
const contexts = ['sha384-IoFLZBiikULQGXxXYGWWQxeceGj55SYgfJqbEcUA290QqG7rEdq0qLDnOK2MXHB/'];

const each = (v) => (v === undefined ? [] : Array.isArray(v) ? v : [v]);

// judge says what is known of the code in a text. env is what it may know:
// trust: the trust file; dictionary(id): bytes or null; now: ms;
// list(issuer, url): {asked: ms, token} of a status list, or null.
// The answer has state, and as far as it came: why, credential, issuer (of the trust
// file), asked (ms, of the oldest list, 0 where one could not be had), ended (ms).
export async function judge(given, env) {
  const answer = {};
  try {
    await look(given, env, answer);
  } catch (e) {
    // Whatever else went wrong, an older browser that lacks a call among it, is no answer.
    const state = e instanceof Judged || e instanceof Unread ? e.state : 'not_understood';
    return {...answer, state, why: e.why ?? e.message};
  }
  return answer;
}

async function look(given, {trust, dictionary, list: listAt, now}, answer) {
  // 1. The token, and a header without anything that changes what a seal means.
  const token = await read(given, dictionary);
  const header = strictly(token.header);
  if (!members({alg: text, kid: text, typ: is('vc+jwt'), iat: Number.isSafeInteger}, ['alg', 'kid', 'typ', 'iat'])(header)) {
    throw new Judged('not_understood', 'header');
  }

  // 2. The seal, by a key of the trust file. Whom a stranger's credential names decides
  // whether it is a forgery.
  const found = find(trust, header.kid);
  if (!found) {
    const payload = strictly(token.payload);
    const named = trust?.issuers?.some((issuer) => issuer.id && issuer.id === payload.issuer?.id);
    throw named ? new Judged('not_valid', 'key_not_found') : new Judged('issuer_unknown', trust ? 'untrusted_issuer' : 'no_trust');
  }
  const {issuer, key} = found;
  if (!key.purposes.includes('assertionMethod')) {
    throw new Judged('not_valid', 'key_not_allowed');
  }
  if (!await sealed(header.alg, key.jwk, token.signature, `${base64url(token.header)}.${base64url(token.payload)}`)) {
    throw new Judged('not_valid', 'signature_invalid');
  }

  // 3. Whose seal it is, and when the key was allowed.
  const payload = strictly(token.payload);
  if (payload.issuer?.id !== issuer.id) {
    throw new Judged('not_valid', 'issuer_mismatch');
  }
  const at = header.iat * 1000;
  const lost = Date.parse(key.compromised_at ?? ''); // NaN compares as false
  if (at > now + skew || at >= lost || at + skew < Date.parse(key.not_before ?? '') || at - skew > Date.parse(key.not_after ?? '')) {
    throw new Judged('not_valid', 'key_not_allowed');
  }

  // 4. An extract as this page knows it.
  const [, context] = each(payload['@context']);
  const bound = (id) => payload.relatedResource.find((resource) => resource.id === id)?.digestSRI;
  if (!extract(payload) || !contexts.includes(bound(context)) || !bound(payload.id) || new Set(payload.relatedResource.map((resource) => resource.id)).size !== payload.relatedResource.length) {
    throw new Judged('not_understood', 'content');
  }
  Object.assign(answer, {credential: payload, sealedAt: at});

  // 5. Who vouches, as of now.
  if (now > Date.parse(trust.expires) || Date.parse(trust.issued) > now + day) {
    throw new Judged('issuer_unknown', 'trust_old');
  }
  if (issuer.ended && at > Date.parse(issuer.ended) + 1.5 * day) {
    throw new Judged('issuer_unknown', 'untrusted_issuer');
  }
  answer.issuer = issuer;

  // 6. Withdrawn, as far as this device knows. What was revoked stays so.
  const entries = each(payload.credentialStatus);
  let suspended = false;
  answer.asked = now;
  const lists = await Promise.all(entries.map((entry) => listAt(issuer, entry.statusListCredential)));
  for (const [i, entry] of entries.entries()) {
    const known = lists[i];
    const bit = known && await bitOf(known.token, entry, issuer, trust);
    if (bit && entry.statusPurpose === 'revocation') {
      throw new Judged('revoked', '');
    }
    suspended ||= bit && entry.statusPurpose === 'suspension';
    answer.asked = bit === null || bit === undefined ? 0 : Math.min(answer.asked, known.asked);
  }
  const until = Date.parse(payload.validUntil ?? '');
  answer.ended = now - skew > until ? until : 0;
  if (!Number.isNaN(lost)) {
    throw new Judged('unconfirmable', 'key_not_allowed');
  }
  if (suspended) {
    throw new Judged('suspended', '');
  }

  // 7. Green only by a list of this minute.
  if (entries.length > 0 && (answer.asked > now + skew || now - answer.asked > fresh)) {
    throw new Judged('status_unchecked', '');
  }
  if (answer.ended) {
    throw new Judged('expired', '');
  }
  if (Date.parse(payload.validFrom) > now + skew) {
    throw new Judged('not_yet_valid', '');
  }
  answer.state = 'valid';
  answer.irrevocable = entries.length === 0;
}

// bitOf is the bit of an entry in a status list that the issuer, or one who may for
// it, has sealed; null where the list is none of theirs or breaks a rule.
async function bitOf(token, entry, issuer, trust) {
  try {
    const {header, payload, signature, input} = splitToken(token);
    const sealer = find(trust, header.kid);
    if (!sealer || sealer.issuer !== issuer && !issuer.status_delegates?.includes(sealer.issuer.id) || payload.issuer?.id !== sealer.issuer.id && payload.issuer !== sealer.issuer.id || sealer.key.compromised_at) {
      return null;
    }
    const subject = payload.credentialSubject;
    if (payload.id !== entry.statusListCredential || !each(payload.type).includes('BitstringStatusListCredential') || subject.type !== 'BitstringStatusList' || !each(subject.statusPurpose).includes(entry.statusPurpose) || subject.encodedList[0] !== 'u' || subject.statusSize !== undefined && subject.statusSize !== 1) {
      return null;
    }
    if (!await sealed(header.alg, sealer.key.jwk, signature, input)) {
      return null;
    }
    const stream = new Blob([fromBase64url(subject.encodedList.slice(1))]).stream().pipeThrough(new DecompressionStream('gzip'));
    const index = Number(entry.statusListIndex);
    let bit = null;
    let at = 0;
    for (const reader = stream.getReader(); ;) {
      const {done, value} = await reader.read();
      if (done) {
        return at * 8 >= 131072 ? bit : null; // a shorter one hides nobody
      }
      const byte = Math.floor(index / 8) - at;
      if (byte >= 0 && byte < value.length) {
        bit = (value[byte] >> (7 - index % 8)) & 1;
      }
      if ((at += value.length) > 8 << 20) {
        await reader.cancel();
        return null;
      }
    }
  } catch {
    return null;
  }
}
