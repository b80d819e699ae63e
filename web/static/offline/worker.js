// The service worker of the page for offline codes: it keeps the page and its files,
// so that they open in flight mode. Trust file and status lists the page itself keeps,
// because it must say how old they are. Nothing of a code comes here: the fragment of an
// address is given to no worker and no server.

const files = new URL(self.location).searchParams.get('static'); // "/static/<digest>/"
const cacheName = 'page ' + files;
const needed = ['kit.css', 'mark.svg', 'offline/code.js', 'offline/verify.js', 'offline/page.js',
  ...['alert', 'bang', 'check', 'clock', 'cross', 'info', 'lock', 'pause', 'question', 'tile', 'seal', 'octagon', 'disc', 'person', 'building', 'list', 'paste'].map((name) => `icons/${name}.svg`)];

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(cacheName);
    await cache.addAll(['/q', '/q/dictionary/1', ...needed.map((name) => files + name)]);
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith('page ') && name !== cacheName) {
        await caches.delete(name);
      }
    }
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const {pathname, origin} = new URL(event.request.url);
  if (event.request.method !== 'GET' || origin !== self.location.origin) {
    return;
  }
  if (pathname === '/q' && event.request.mode === 'navigate') {
    event.respondWith(page(event.request));
  } else if (pathname.startsWith('/static/') || pathname.startsWith('/q/dictionary/')) {
    event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
  }
});

// page is the newest one, or after 3 s without a network the one that was kept, in the
// same language where there is one.
async function page(request) {
  const cache = await caches.open(cacheName);
  try {
    const answer = await fetch(request, {signal: AbortSignal.timeout(3000)});
    if (answer.ok) {
      await cache.put(request, answer.clone());
    }
    return answer;
  } catch {
    return await cache.match(request) ?? await cache.match('/q');
  }
}
