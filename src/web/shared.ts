/** What a phone shared with the page (public/sw.js), and the worker that takes it. */

/** Only on loopback and over HTTPS are there such workers. */
function takesShared(): boolean {
  return 'serviceWorker' in navigator && 'caches' in globalThis;
}

export async function watchForShared(): Promise<void> {
  if (takesShared()) await navigator.serviceWorker.register('./sw.js').catch(() => {});
}

/** The files that were shared since the last look. */
export async function sharedFiles(): Promise<File[]> {
  if (!takesShared() || !(await caches.has('shrinkbox-shared'))) return [];
  const store = await caches.open('shrinkbox-shared');
  const files: File[] = [];
  for (const key of await store.keys()) {
    const kept = await store.match(key);
    const name = new URL(key.url).searchParams.get('name') ?? '';
    if (kept) files.push(new File([await kept.blob()], name));
    await store.delete(key);
  }
  return files;
}
