// The page behind a private link. The second half of the link, the key, stands in the
// part of the address that no browser sends; it leaves the address line at once and
// never this page.
import { list, verify } from "./sdjwt.js";

const at = (id) => document.getElementById(id);
const words = {};
for (const dt of document.querySelectorAll("#words > dt")) words[dt.textContent] = dt.nextElementSibling.textContent;

const key = location.hash.slice(1);
const sid = location.pathname.split("/").pop().toUpperCase();
const lang = document.documentElement.lang;
if (key) {
  history.replaceState(null, "", location.pathname + location.search);
  for (const a of document.querySelectorAll(".languages a")) a.hash = key;
  at("link-field").hidden = true;
  at("link").required = false;
  at("pin-field").hidden = true;
  at("open").addEventListener("submit", (event) => { event.preventDefault(); show(); });
}

function say(word) {
  at("message").hidden = !word;
  at("message").lastElementChild.textContent = word ?? "";
  at("pin").removeAttribute("aria-invalid");
}

async function show() {
  const button = at("open").querySelector("button");
  button.disabled = true;
  try {
    say();
    const answer = await fetch("/s/open", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sid, pin: at("pin").value.trim() }) });
    if (!answer.ok) return await refused(answer);
    const { content } = await answer.json();
    const shared = await decrypt(content);
    if (!shared) return say(words.over);
    await (shared.token ? render(shared) : renderOther(shared));
  } catch {
    say(words.trouble);
  } finally {
    button.disabled = false;
  }
}

async function refused(answer) {
  const problem = await answer.json().catch(() => ({}));
  switch (answer.status) {
    case 401: {
      at("pin-field").hidden = false;
      at("pin").required = true;
      const left = problem.type === "urn:indeks:pin-wrong" ? problem.detail?.match(/\d+/) : null;
      say(problem.type === "urn:indeks:pin-locked" ? words.locked : left ? words.left + " " + left[0] : words.pin);
      at("pin").value = "";
      at("pin").setAttribute("aria-invalid", String(problem.type === "urn:indeks:pin-wrong"));
      at("pin").focus();
      return;
    }
    case 404: case 410: return say(words.over);
    case 429: return say(words.busy);
    default: return say(words.trouble);
  }
}

// examined is what the institution's verifier says of a file, with the supplement. It
// is told what is shown, and not the key; nothing where it does not answer.
async function examined(file) {
  try {
    const answer = await fetch("/s/examine" + location.search, { method: "POST", headers: { "Content-Type": "application/json", "Accept-Language": lang }, body: JSON.stringify({ sid, file }) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

const raw = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// decrypt returns what was shared, nothing under another key.
async function decrypt(content) {
  try {
    const secret = await crypto.subtle.importKey("raw", raw(key.replace(/-/g, "+").replace(/_/g, "/")), "AES-GCM", false, ["decrypt"]);
    const sealed = raw(content);
    const open = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.slice(0, 12), additionalData: new TextEncoder().encode("indeks share 1 " + sid) }, secret, sealed.slice(12));
    return JSON.parse(new TextDecoder().decode(open));
  } catch {
    return null;
  }
}

// inLanguage is a text of a language map in the first language that the page's reader
// reads, else in another one; it says which where it is not the page's own.
function inLanguage(map) {
  if (typeof map === "string") return { text: map };
  const tag = at("share").dataset.read.split(" ").find((t) => map?.[t]) ?? Object.keys(map ?? {})[0];
  return tag ? { text: list(map[tag]).join(", "), lang: tag === lang ? undefined : tag } : undefined;
}

// joined are the texts there are, with a sign between them.
const joined = (sign, ...texts) => texts.filter((t) => t && t.text !== "").flatMap((t, i) => i === 0 ? [t] : [sign, t]);

// put writes texts one after the other, each in its language.
function put(into, ...texts) {
  into.replaceChildren(...texts.flat(2).filter(Boolean).map((t) => {
    const span = node("span", t.text ?? t);
    if (t.lang) span.lang = t.lang;
    return span;
  }));
}

function node(name, text, className) {
  const n = document.createElement(name);
  if (text !== undefined) n.textContent = text;
  if (className) n.className = className;
  return n;
}

function fact(into, label, value) {
  const values = list(value).filter((v) => v && v.text !== "" && v.length !== 0);
  if (values.length === 0) return;
  const div = node("div"), dd = node("dd");
  if (values.length === 1) put(dd, values[0]);
  else {
    const ul = node("ul");
    for (const v of values) {
      const li = node("li");
      put(li, v);
      ul.append(li);
    }
    dd.append(ul);
  }
  div.append(node("dt", label), dd);
  into.append(div);
}

function check(passed, sentence) {
  const li = node("li", undefined, passed ? "passed" : "failed");
  li.append(node("span", undefined, "icon icon-" + (passed ? "passed" : "failed")), node("p", sentence));
  at("checks").append(li);
}

// day writes a date as the server does: the page names the form, by Go's day of reference.
function day(date) {
  if (!date) return "";
  const part = (name, form) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", [name]: form }).format(new Date(date));
  return at("share").dataset.date.replace(/2006|January|1|2/g, (p) => p === "2006" ? part("year", "numeric") : p === "2" ? part("day", "numeric") : part("month", p === "1" ? "numeric" : "long"));
}

const ects = "http://data.europa.eu/snb/education-credit/6fcec5c5af";

const looks = { valid: ["good", "check"], suspended: ["warn", "pause"], revoked: ["bad", "cross"], expired: ["warn", "clock"], unknown: ["", "question"] };

async function render(shared) {
  let found;
  try {
    found = await verify(shared.token);
  } catch (error) {
    if (error instanceof TypeError) throw error; // of the network
    return say(words.forged);
  }
  const { credential, state } = found;
  const subject = credential.credentialSubject, award = list(subject.hasClaim)[0] ?? {}, spec = award.specifiedBy ?? {}, awarded = award.awardedBy ?? {};
  const title = inLanguage(award.title ?? credential.displayParameter?.title);

  // 1. The verdict.
  const [tone, icon] = looks[state];
  head(tone, icon, title, words[state]);
  at("about").replaceChildren();
  fact(at("about"), words.holder, inLanguage(subject.fullName));
  fact(at("about"), words.issuer, inLanguage(credential.issuer.legalName));
  fact(at("about"), words.awarded, day(awarded.awardingDate ?? credential.validFrom));

  // 2. What an employer asks, in that order.
  const facts = at("facts");
  facts.replaceChildren();
  const label = (concept) => concept?.id === ects ? { text: "ECTS" } : inLanguage(concept?.prefLabel);
  fact(facts, words.outcomes, list(spec.learningOutcome).map((o) => inLanguage(o.title)));
  fact(facts, words.credits, list(award.creditReceived ?? spec.creditPoint).map((p) => [p.point + " ", label(p.framework)]));
  fact(facts, words.hours, spec.volumeOfLearning?.replace(/^PT(\d+)H$/, "$1 h"));
  const level = [label(spec.eqfLevel), ...list(spec.nqfLevel).map(label)].filter(Boolean);
  fact(facts, words.level, level.length > 0 ? [...level, words.degree] : []);
  for (const proof of list(award.provenBy)) {
    fact(facts, words.assessment, [joined(": ", inLanguage(proof.title), label(proof.specifiedBy?.dcType))]);
    fact(facts, words.grade, inLanguage(proof.grade?.noteLiteral));
  }
  fact(facts, words.by, list(awarded.awardingBody).map((b) => inLanguage(b.legalName)));
  fact(facts, words.quality, list(spec.accreditation).map((a) => joined(": ", inLanguage(a.title), inLanguage(a.accreditingAgent?.legalName))));
  fact(facts, words.birth, day(subject.dateOfBirth));
  fact(facts, words.number, list(credential.identifier)[0]?.notation);
  fact(facts, words.until, day(credential.validUntil));

  // 3. What was checked, and how to check it again.
  at("checks").replaceChildren();
  check(true, words.seal);
  check(state !== "unknown", state === "unknown" ? words.unasked : words.status);
  if (!shared.files) check(true, words.part);
  check(true, words.here);
  at("part").hidden = Boolean(shared.files);
  if (shared.download) {
    for (const f of shared.files ?? []) file(f.name, f.type, raw(f.data), f.type === "application/pdf" ? words.pdf : words.sealed);
    file("credential.sd-jwt", "application/dc+sd-jwt", shared.token, words.file);
  }
  appear();

  // 4. All of the supplement, in the words of the page, which this module has not.
  const whole = await examined(btoa(shared.token));
  if (whole) supplement(whole);
}

// renderOther shows what another issuer has sealed, whose keys this page does not know:
// the institution's verifier says what it is.
async function renderOther(shared) {
  const sealed = shared.files[0];
  const found = await examined(sealed.data);
  if (!found) return say(words.trouble);
  head(found.tone, found.icon, found.title, found.sentence);
  at("about").replaceChildren();
  fact(at("about"), words.holder, found.holder);
  fact(at("about"), words.issuer, found.issuer);
  supplement(found);
  at("checks").replaceChildren();
  check(found.state === "valid", found.sentence);
  check(true, words.there);
  at("part").hidden = true;
  at("own").hidden = true;
  at("other").hidden = false;
  file(sealed.name, sealed.type, raw(sealed.data), words.sealed);
  appear();
}

function head(tone, icon, title, sentence) {
  const verdict = document.querySelector("#shown > .verdict");
  verdict.className = "verdict " + tone;
  verdict.querySelector(".icon").className = "icon icon-" + icon;
  document.body.className = "tone-" + (tone || "none");
  document.title = (title?.text ?? "") + " · Indeks";
  put(at("award"), title);
  at("sentence").textContent = sentence;
}

function file(name, type, data, label) {
  const p = node("p"), a = node("a", label, "button secondary");
  a.download = name;
  a.href = URL.createObjectURL(new Blob([data], { type }));
  p.append(a);
  at("files").append(p);
}

function appear() {
  at("share").hidden = true;
  at("shown").hidden = false;
  at("shown").focus();
}

// supplement takes the place of the main facts.
function supplement(found) {
  at("foreign").textContent = found.foreign ?? "";
  at("foreign").hidden = !found.foreign;
  const all = found.supplement.filter((s) => s.elements?.length > 0).map((s) => {
    const part = node("section"), dl = node("dl", undefined, "facts wide");
    for (const e of s.elements) {
      const div = node("div"), dd = node("dd");
      if (e.values.length === 1) dd.append(...value(e.values[0]));
      else {
        const ul = node("ul");
        for (const v of e.values) {
          const li = node("li");
          li.append(...value(v));
          ul.append(li);
        }
        dd.append(ul);
      }
      div.append(node("dt", e.label), dd);
      dl.append(div);
    }
    part.append(node("h3", s.label), dl);
    return part;
  });
  at("facts").replaceWith(...all);
}

function value(v) {
  const span = node(v.link ? "a" : "span", v.text);
  if (v.link) {
    span.href = v.link;
    span.rel = "noreferrer noopener";
  }
  if (v.lang) span.lang = v.lang;
  const nodes = [span];
  for (const d of v.detail ?? []) {
    const line = node("span", d.text, "detail");
    if (d.lang) line.lang = d.lang;
    nodes.push(node("br"), line);
  }
  return nodes;
}
