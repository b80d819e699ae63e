// The page for offline codes: it takes the code out of the address, judges it on this
// device and shows what is known.

import {cut} from './code.js';
import {judge, sealed, splitToken} from './verify.js';

const root = document.getElementById('offline');
const $ = (id) => document.getElementById(id);
const kept = 'lists'; // cache of trust file and status lists
const hasCaches = 'caches' in globalThis;

// ask fetches from this server; where that is not reached, in a short time if there is
// something to fall back on, it is what was kept of it before. Each answer has the time (ms) as of which it speaks.
async function ask(address, timeOf) {
  const cache = hasCaches ? await caches.open(kept) : null;
  const old = await cache?.match(address);
  try {
    const answer = await fetch(address, {cache: 'no-store', signal: AbortSignal.timeout(old ? 3e3 : 60e3)});
    if (answer.ok) {
      const body = await answer.text();
      const at = timeOf(body);
      await cache?.put(address, new Response(body, {headers: {'X-As-Of': String(at)}}));
      return {body, at};
    }
    if (answer.status === 404) {
      await cache?.delete(address);
      return null;
    }
  } catch {
    // no network
  }
  return old ? {body: await old.text(), at: Number(old.headers.get('X-As-Of'))} : null;
}

// trustFile is the trust file: sealed with the key that the page names, or plain where it
// names none. What was opened is returned, or null.
async function trustFile() {
  const got = await ask('/q/trust', () => Date.now());
  if (!got) {
    return null;
  }
  const pinned = root.dataset.trustKey;
  if (!pinned) {
    return got.body.trimStart()[0] === '{' ? JSON.parse(got.body) : null;
  }
  const {header, payload, signature, input} = splitToken(got.body.trim());
  return header.typ === 'trust+jwt' && await sealed(header.alg, JSON.parse(pinned), signature, input) ? payload : null;
}

async function dictionary(id) {
  const answer = await fetch(`/q/dictionary/${id}`).catch(() => null);
  return answer?.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
}

async function list(issuer, url) {
  const got = await ask(`/q/list?issuer=${encodeURIComponent(issuer.id)}&url=${encodeURIComponent(url)}`, (body) => Date.now() - 1000 * JSON.parse(body).age);
  return got && {asked: got.at, token: JSON.parse(got.body).token};
}

// Dates are written as the server writes them: the page names the form, by Go's day of reference.
const dateOf = (ms, zone = 'UTC') => {
  const part = (name, form) => new Intl.DateTimeFormat('en-GB', {timeZone: zone, [name]: form}).format(ms);
  return root.dataset.date.replace(/2006|January|1|2/g, (at) => (at === '2006' ? part('year', 'numeric') : at === '2' ? part('day', 'numeric') : part('month', at === '1' ? 'numeric' : 'long')));
};
const minuteOf = (ms) => `${dateOf(ms, undefined)}, ${new Intl.DateTimeFormat('en-GB', {timeStyle: 'short'}).format(ms)}`;

// A decimal is written as the server writes it: the page names the signs, by 1234.5.
const numberOf = (decimal) => {
  const [, group, point] = /^1(.)234(.)5$/.exec(root.dataset.number);
  const found = /^(\d+)(?:\.(\d+))?$/.exec(decimal);
  return found ? found[1].replace(/\B(?=(\d{3})+$)/g, group) + (found[2] ? point + found[2] : '') : clean(decimal);
};

const say = (id, values = {}) => fill(root.querySelector(`[data-say="${id}"]`).textContent, values);
const fill = (text, values) => text.replace(/\{(date|number|languages)\}/g, (whole, name) => values[name] ?? whole).replaceAll('..', '.');

// pick is a text in the first language that the page's reader reads, else the first there
// is, without what makes it read as another one.
const pick = (texts) => inTongue(texts).text;

// inTongue is the same with its language, where that is not the page's.
function inTongue(texts) {
  if (texts === undefined) {
    return {text: ''};
  }
  const all = typeof texts === 'string' ? {'': texts} : texts;
  const tag = root.dataset.read.split(' ').find((tag) => all[tag] !== undefined) ?? Object.keys(all)[0] ?? '';
  return {text: clean([all[tag] ?? ''].flat().join(' / ')), lang: tag !== document.documentElement.lang ? tag : ''};
}

// others names the languages of texts that the page's language lacks; a region or script
// more is no other language.
function others(texts) {
  const own = `${document.documentElement.lang}-`;
  const tags = new Set(texts.map((text) => text.lang).filter((tag) => tag && !`${tag}-`.startsWith(own) && !own.startsWith(`${tag}-`)));
  return [...tags].map((tag) => [...root.querySelectorAll('[data-language]')].find((p) => p.dataset.language === tag)?.textContent ?? clean(tag)).join(', ');
}

const clean = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0\u034F\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/gu, '');
const each = (v) => (v === undefined ? [] : Array.isArray(v) ? v : [v]);

function concept(c) {
  const known = [...root.querySelectorAll('[data-concept]')].find((p) => p.dataset.concept === c.id)?.textContent;
  return known || pick(c.prefLabel) || clean(c.notation ?? c.id);
}

// hours writes an ISO 8601 duration of hours as such, another one as it is.
function hours(text) {
  const found = /^PT(\d+)H$/.exec(text ?? '');
  return found ? say('hours', {number: numberOf(found[1])}) : clean(text ?? '');
}

// put writes a text, in its language.
function put(into, value = '') {
  into.textContent = value.text ?? value;
  into.removeAttribute('lang');
  if (value.lang) {
    into.lang = value.lang;
  }
  return into;
}

// show puts a value into its place; what has none is not shown.
function show(name, value) {
  for (const place of root.querySelectorAll(`[data-fact="${name}"]`)) {
    const values = [value].flat().filter((v) => v && v.text !== '');
    if (values.length > 1) {
      const ul = document.createElement('ul');
      ul.append(...values.map((v) => put(document.createElement('li'), v)));
      put(place).append(ul);
    } else {
      put(place, values[0]);
    }
    const row = place.closest('dl > div');
    if (row) {
      row.hidden = values.length === 0;
    }
  }
}

function render(answer, host) {
  let state = answer.state;
  if (state === 'valid' && answer.irrevocable) {
    state = 'valid_irrevocable';
  } else if (state === 'status_unchecked' && !answer.asked) {
    state = 'status_never';
  } else if (state === 'issuer_unknown' && ['trust_old', 'no_trust'].includes(answer.why)) {
    state = answer.why;
  }
  const c = answer.issuer && state !== 'revoked' ? answer.credential : null; // what nobody stands behind is not shown
  const said = root.querySelector(`[data-state="${state}"]`);
  const date = answer.state === 'expired' ? dateOf(answer.ended) : answer.state === 'not_yet_valid' ? dateOf(Date.parse(answer.credential.validFrom)) : answer.asked ? minuteOf(answer.asked) : '';
  const [word, sentence] = said.children;
  document.body.className = `tone-${said.dataset.tone}`;
  $('verdict').className = `verdict ${said.dataset.tone}`;
  $('icon').className = `icon icon-${said.dataset.icon}`;
  $('word').textContent = fill(word.textContent, {date});
  $('sentence').textContent = fill(sentence.textContent, {date});
  const more = [];
  if (answer.ended && answer.state !== 'expired') {
    more.push(say('ended', {date: dateOf(answer.ended)}));
  }
  if (['expired', 'suspended', 'not_yet_valid', 'unconfirmable'].includes(answer.state) && answer.asked) {
    more.push(say('asof', {date: minuteOf(answer.asked)}));
  }
  $('more').textContent = more.join(' ');
  $('more').hidden = more.length === 0;

  show('issuer', answer.issuer ? inTongue(answer.issuer.legal_name) : '');
  show('now', minuteOf(Date.now()));
  $('facts').hidden = $('extract').hidden = !c;
  show('host', host);
  $('other-host').hidden = !host || host.toLowerCase() === location.host;
  $('claimed').hidden = true;
  const claim = c?.credentialSubject.hasClaim ?? {};
  const learnt = claim.specifiedBy ?? {};
  show('title', c ? inTongue(claim.title) : '');
  show('awarded', claim.awardedBy?.awardingDate ? dateOf(Date.parse(claim.awardedBy.awardingDate)) : '');
  if (c) {
    const person = c.credentialSubject;
    const called = pick(c.issuer.legalName);
    if (called && !Object.values(answer.issuer.legal_name).some((name) => name.toLowerCase() === called.toLowerCase())) {
      show('claimed', called);
      $('claimed').hidden = false;
    }
    show('name', pick(person.fullName) || `${pick(person.givenName)} ${pick(person.familyName)}`.trim());
    show('number', clean(c.identifier?.notation ?? ''));
    const awarding = each(claim.awardedBy?.awardingBody).map((body) => inTongue(body.legalName));
    const outcomes = each(learnt.learningOutcome).map((outcome) => inTongue(outcome.title));
    const foreign = others([inTongue(claim.title), ...awarding, ...outcomes]);
    $('foreign').textContent = say('foreign', {languages: foreign});
    $('foreign').hidden = !foreign;
    show('awarding', awarding);
    show('credits', each(claim.creditReceived).map((credit) => `${numberOf(credit.point ?? '')} ${credit.framework ? concept(credit.framework) : ''}`));
    show('workload', hours(learnt.volumeOfLearning));
    const eqf = /^http:\/\/data\.europa\.eu\/snb\/eqf\/([1-8])$/.exec(learnt.eqfLevel?.id ?? '');
    show('level', eqf ? say('level', {number: eqf[1]}) : learnt.eqfLevel ? concept(learnt.eqfLevel) : '');
    $('degree').hidden = !learnt.eqfLevel;
    show('form', each(learnt.mode).map(concept));
    show('outcomes', outcomes);
    show('grade', each(claim.provenBy).map((proof) => pick(proof.grade?.noteLiteral)));
    show('birth', person.dateOfBirth ? dateOf(Date.parse(person.dateOfBirth)) : '');
    show('until', c.validUntil ? dateOf(Date.parse(c.validUntil)) : '');
    show('id', clean(c.id));
    show('whole', [...atob(c.relatedResource.find((resource) => resource.id === c.id).digestSRI.slice('sha256-'.length))].map((b) => b.charCodeAt(0).toString(16).padStart(2, '0')).join(''));
  }
  $('intro').hidden = true;
  $('answer').hidden = false;
  $('ask').hidden = false;
  $('answer').focus({preventScroll: true}); // the head of the page stays in sight
  scrollTo(0, 0);
}

let trust; // promise of the trust file

async function check(text) {
  const started = performance.now();
  $('checking').hidden = false;
  const known = await trust;
  const answer = await judge(text, {trust: known, dictionary, list, now: Date.now()});
  $('checking').hidden = true;
  render(answer, cut(text)?.host ?? '');
  root.dataset.ms = String(Math.round(performance.now() - started));
  root.dataset.answer = answer.state;
}

// fromAddress takes the code out of the address, so that it stays in no history.
function fromAddress() {
  if (/^#\d{50}/.test(location.hash)) {
    const text = location.href;
    history.replaceState(null, '', location.pathname + location.search);
    $('text').value = text;
    const host = sessionStorage.getItem('host'); // that the code named, of our own scanner
    sessionStorage.removeItem('host');
    $('intro').hidden = $('ask').hidden = true; // or the answer would push them down
    check(host ? text.replace(location.host, host) : text);
  }
}

$('here').disabled = false;
$('form').addEventListener('submit', (event) => {
  if (event.submitter !== $('online')) {
    event.preventDefault();
    check($('text').value);
  }
});
addEventListener('hashchange', fromAddress);

trust = trustFile().catch(() => null);
trust.then((file) => {
  $('trusted').textContent = file ? say(root.dataset.trustKey ? 'trusted-sealed' : 'trusted', {number: file.version, date: dateOf(Date.parse(file.expires))}) : say('no-list');
});
fromAddress();

if (navigator.serviceWorker && hasCaches) {
  const base = new URL('../', import.meta.url).pathname;
  const address = `/q/worker.js?static=${encodeURIComponent(base)}`;
  const policy = globalThis.trustedTypes?.createPolicy('indeks', {createScriptURL: (url) => (url === address ? url : '')});
  navigator.serviceWorker.register(policy?.createScriptURL(address) ?? address, {scope: '/q'})
    .then((registration) => new Promise((resolve, reject) => {
      const worker = registration.installing ?? registration.waiting ?? registration.active;
      const look = () => worker.state === 'activated' ? resolve() : worker.state === 'redundant' && reject(new Error('not installed'));
      worker.addEventListener('statechange', look);
      look();
    }))
    .then(() => {
      $('ready').textContent = say('ready');
      root.dataset.ready = 'yes';
    })
    .catch(() => {
      $('ready').textContent = say('not-ready');
      root.dataset.ready = 'no';
    });
} else {
  $('ready').textContent = say('not-ready');
  root.dataset.ready = 'no';
}
