/*
 * Only for what a phone shares with the page: it arrives as a form, which cannot carry the access token. It is put aside here, and
 * the page (shared.ts) sends it once it is open. Everything else goes to the server as if this was not here.
 */
addEventListener('install', () => skipWaiting());
addEventListener('activate', event => event.waitUntil(clients.claim()));
addEventListener('fetch', event => {
  const { request } = event;
  const isShare = request.method === 'POST' && request.url === new URL('./share', registration.scope).href;
  if (isShare) event.respondWith(putAside(request));
});

async function putAside(request) {
  const form = await request.formData();
  const store = await caches.open('shrinkbox-shared');
  const files = form.getAll('videos').filter(each => each instanceof File);
  for (const [index, file] of files.entries()) {
    const key = new URL(`./shared/${Date.now()}-${index}?name=${encodeURIComponent(file.name)}`, registration.scope);
    await store.put(key, new Response(file));
  }
  return Response.redirect(new URL('./#shared', registration.scope), 303);
}
