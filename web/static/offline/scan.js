// The employer's own scanner: it looks for QR codes in the picture of the camera, or in a
// photo, and has what it finds checked here, whatever host the code names. Where the
// browser reads QR codes itself (BarcodeDetector), pictures go nowhere; where it does not,
// the form with the photo is sent as it stands.

import {understand} from './code.js';

const $ = (id) => document.getElementById(id);
const lang = $('scan').dataset.lang;

let detector = null;
try {
  if ((await BarcodeDetector.getSupportedFormats()).includes('qr_code')) {
    detector = new BarcodeDetector({formats: ['qr_code']});
  }
} catch {
  // the browser has none
}
$('start').disabled = !detector;
$('start').hidden = !detector;
$('unable').hidden = Boolean(detector);

// found goes to where a text is checked. Where the code names another host than this page,
// it says so first: a forger's code leads to a forger's page.
function found(text) {
  const {host, to} = understand(text);
  $('other').hidden = Boolean(to);
  $('seen').hidden = true;
  if (!to) {
    $('other-text').textContent = text.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, 200);
    return;
  }
  const address = to.replace(/^[^#]*/, (path) => `${path}?lang=${encodeURIComponent(lang)}`);
  if (host && host.toLowerCase() !== location.host) {
    sessionStorage.setItem('host', host);
    $('host').textContent = host;
    $('go').href = address;
    $('seen').hidden = false;
    $('go').focus();
    return;
  }
  location.assign(address);
}

let stream = null;

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  $('view').hidden = $('stop').hidden = true;
  $('start').hidden = false;
}

async function look() {
  const video = $('view');
  while (stream) {
    const codes = video.readyState >= 2 ? await detector.detect(video).catch(() => []) : [];
    if (codes.length > 0 && stream) {
      stop();
      found(codes[0].rawValue);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
}

$('start').addEventListener('click', async () => {
  $('refused').hidden = $('seen').hidden = $('other').hidden = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment', width: {ideal: 1920}, height: {ideal: 1080}}, audio: false});
  } catch {
    $('refused').hidden = false;
    return;
  }
  $('view').srcObject = stream;
  $('view').hidden = $('stop').hidden = false;
  $('start').hidden = true;
  await $('view').play().catch(() => {});
  look();
});

$('stop').addEventListener('click', stop);

async function lookAtPhoto() {
  const [file] = $('photo').files;
  $('nothing').hidden = true;
  const picture = file && await createImageBitmap(file).catch(() => null);
  const codes = picture ? await detector.detect(picture).catch(() => []) : [];
  if (codes.length > 0) {
    found(codes[0].rawValue);
  } else if (file) {
    $('nothing').hidden = false;
  }
}

if (detector) {
  $('photo').addEventListener('change', lookAtPhoto);
  $('pictures').addEventListener('submit', (event) => {
    event.preventDefault();
    lookAtPhoto();
  });
}

addEventListener('pagehide', stop);
