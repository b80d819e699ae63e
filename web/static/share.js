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
    await render(shared);
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
      at("pin").focus();
      return;
    }
    case 404: case 410: return say(words.over);
    case 429: return say(words.busy);
    default: return say(words.trouble);
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

// inLanguage is a text of a language map in the language of the page, where it has it.
function inLanguage(map) {
  if (typeof map === "string") return map;
  const tag = [lang, lang.split("-")[0], "en"].find((t) => map?.[t]) ?? Object.keys(map ?? {})[0];
  return tag ? list(map[tag]).join(", ") : "";
}

function node(name, text, className) {
  const n = document.createElement(name);
  if (text !== undefined) n.textContent = text;
  if (className) n.className = className;
  return n;
}

function fact(into, label, value) {
  const values = list(value).filter(Boolean);
  if (values.length === 0) return;
  const div = node("div"), dd = node("dd");
  if (values.length === 1) dd.textContent = values[0];
  else {
    const ul = node("ul");
    for (const v of values) ul.append(node("li", v));
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

const day = (date) => date ? new Date(date).toLocaleDateString(lang === "en" ? "en-GB" : lang, { year: "numeric", month: "long", day: "numeric", timeZone: "UTC" }) : "";

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
  const verdict = document.querySelector("#shown > .verdict");
  verdict.className = "verdict " + tone;
  verdict.querySelector(".icon").className = "icon icon-" + icon;
  document.body.className = "tone-" + (tone || "none");
  document.title = title + " · Indeks";
  at("award").textContent = title;
  at("sentence").textContent = words[state];
  at("about").replaceChildren();
  fact(at("about"), words.holder, inLanguage(subject.fullName));
  fact(at("about"), words.issuer, inLanguage(credential.issuer.legalName));
  fact(at("about"), words.awarded, day(awarded.awardingDate ?? credential.validFrom));

  // 2. What an employer asks, in that order.
  const facts = at("facts");
  facts.replaceChildren();
  const label = (concept) => concept?.id === ects ? "ECTS" : inLanguage(concept?.prefLabel);
  fact(facts, words.outcomes, list(spec.learningOutcome).map((o) => inLanguage(o.title)));
  fact(facts, words.credits, list(award.creditReceived ?? spec.creditPoint).map((p) => p.point + " " + label(p.framework)));
  fact(facts, words.hours, spec.volumeOfLearning?.replace(/^PT(\d+)H$/, "$1 h"));
  const level = [label(spec.eqfLevel), ...list(spec.nqfLevel).map(label)].filter(Boolean);
  fact(facts, words.level, level.length > 0 ? [...level, words.degree] : []);
  for (const proof of list(award.provenBy)) {
    fact(facts, words.assessment, [inLanguage(proof.title), label(proof.specifiedBy?.dcType)].filter(Boolean).join(": "));
    fact(facts, words.grade, inLanguage(proof.grade?.noteLiteral));
  }
  fact(facts, words.by, list(awarded.awardingBody).map((b) => inLanguage(b.legalName)));
  fact(facts, words.quality, list(spec.accreditation).map((a) => [inLanguage(a.title), inLanguage(a.accreditingAgent?.legalName)].filter(Boolean).join(": ")));
  fact(facts, words.birth, day(subject.dateOfBirth));
  fact(facts, words.number, list(credential.identifier)[0]?.notation);
  fact(facts, words.until, day(credential.validUntil));

  // 3. What was checked, and how to check it again.
  at("checks").replaceChildren();
  check(true, words.seal);
  check(state !== "unknown", state === "unknown" ? words.unasked : words.status);
  check(true, words.part);
  check(true, words.here);
  if (shared.download) {
    at("file").hidden = false;
    at("file").firstElementChild.href = URL.createObjectURL(new Blob([shared.token], { type: "application/dc+sd-jwt" }));
  }
  at("share").hidden = true;
  at("shown").hidden = false;
  at("shown").focus();
}
