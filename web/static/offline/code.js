// Reading the text of an offline code, profile MCQR-1 (docs/offline.md). It refuses
// what paper.OfflineToken refuses; both read testdata/offline.json of web/verifying.

const maxFrame = 4 << 10; // bytes
const maxInflated = 32 << 10; // bytes

// Unread is thrown for what cannot be read: state "unreadable", or "newer" for a
// version that this page does not know.
export class Unread extends Error {
  constructor(state, message) {
    super(message);
    this.state = state;
  }
}

// cut returns the host that a text names and its digits, or null.
export function cut(text) {
  const found = /^(?:https?:\/\/([^\/#]+)(?:\/[^#]*)?\/q(?:\?[^#]*)?#)?(\d{100,})$/i.exec(text.trim());
  return found && {host: found[1] ? hostOf(found[1]) : '', digits: found[2]};
}

// hostOf is a host as it must be shown, so that none looks like another one: without
// whatever stands before an @, and with letters of other scripts spelled out (xn--).
function hostOf(authority) {
  try {
    return new URL(`https://${authority}`).host;
  } catch {
    return authority;
  }
}

const digitsFor = [0, 3, 5, 8, 10, 13, 15, 17, 20, 22, 25, 27];

// fromDigits reads blocks of 27 digits as 11 bytes, the rest by digitsFor.
export function fromDigits(digits) {
  const bytes = [];
  for (let at = 0; at < digits.length; at += 27) {
    const block = digits.slice(at, at + 27);
    const length = digitsFor.indexOf(block.length);
    let value = BigInt(block);
    if (length < 0 || value >> BigInt(8 * length)) {
      throw new Unread('unreadable', 'the digits do not stand for bytes');
    }
    const end = bytes.length + length;
    for (let i = end - 1; i >= end - length; i--, value >>= 8n) {
      bytes[i] = Number(value & 255n);
    }
  }
  return Uint8Array.from(bytes);
}

// inflate unpacks raw deflate with a preset dictionary, for which browsers have no
// call: the dictionary goes in front as a stored block, and is cut off again.
async function inflate(packed, dictionary) {
  const n = dictionary.length;
  const whole = new Blob([Uint8Array.of(0, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255), dictionary, packed]);
  const reader = whole.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts = [];
  let size = -n;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      if ((size += next.value.length) > maxInflated) {
        await reader.cancel();
        throw new Unread('unreadable', 'it unpacks to too much');
      }
    }
  } catch (e) {
    throw e instanceof Unread ? e : new Unread('unreadable', 'it does not unpack');
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer()).subarray(n);
}

// read returns header, payload and signature of the token in a text, as bytes.
// dictionary(id) returns a dictionary, or null.
export async function read(text, dictionary) {
  const code = cut(text);
  if (!code) {
    throw new Unread('unreadable', 'not an address with digits behind it');
  }
  if (code.digits[0] !== '1') {
    throw new Unread('newer', 'another version of the text');
  }
  if (code.digits.length > 1 + 27 * Math.ceil(maxFrame / 11)) {
    throw new Unread('unreadable', 'too many digits');
  }
  const frame = fromDigits(code.digits.slice(1));
  const [id, headerLength, signatureLength] = frame;
  if (frame.length > maxFrame || frame.length < 3 + signatureLength || frame.length < 3 || !headerLength) {
    throw new Unread('unreadable', 'it ends too early');
  }
  const preset = await dictionary(id);
  if (!preset) {
    throw new Unread('newer', 'another dictionary');
  }
  const inflated = await inflate(frame.subarray(3 + signatureLength), preset);
  if (inflated.length <= headerLength) {
    throw new Unread('unreadable', 'there is no payload');
  }
  return {
    header: inflated.subarray(0, headerLength),
    payload: inflated.subarray(headerLength),
    signature: frame.subarray(3, 3 + signatureLength),
  };
}

// understand says what the text of a scanned code is for a verifier: where on this page
// it is checked (to), and the host that the code names, which is not asked. Texts that are
// none of a certificate have no to.
export function understand(text) {
  const offline = cut(text);
  if (offline) {
    return {host: offline.host, to: `/q#${offline.digits}`};
  }
  const online = /^https?:\/\/([^\/?#]+)(?:\/[^?#]*)?\/c\/([0-9a-z]{26})$/i.exec(text.trim());
  if (online) {
    return {host: hostOf(online[1]), to: `/c/${online[2].toUpperCase()}`};
  }
  return /^[0-9a-z]{26}$/i.test(text.trim()) ? {host: '', to: `/c/${text.trim().toUpperCase()}`} : {host: '', to: ''};
}
