import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { whyOriginalsStay } from '../../src/app/originals-check.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { privateMounts } from '../support/private-mounts.ts';

const placesIn = (root: string) => ({ inbox: join(root, 'inbox'), archive: join(root, 'archive') });

async function aFolder(): Promise<ReturnType<typeof placesIn>> {
  const root = await mkdtemp(join(tmpdir(), 'shrinkbox-originals-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const places = placesIn(root);
  for (const path of Object.values(places)) await mkdir(path);
  return places;
}

/** The script makes one of both folders read-only, which holds for root as well. */
async function readOnly(name: 'inbox' | 'archive', skip: (why: string) => void): Promise<ReturnType<typeof placesIn>> {
  const script = `mkdir inbox archive && mount --bind ${name} ${name} && mount -o remount,ro,bind ${name}`;
  const mounts = await privateMounts(1_000_000, script);
  if (!mounts) skip('this machine lets nobody mount anything');
  onTestFinished(() => mounts?.close());
  return placesIn(mounts?.root ?? '');
}

describe('originals', () => {
  it('can go from a folder of our own', async () => {
    const places = await aFolder();
    expect(await whyOriginalsStay({ ...places, originals: 'archive' }, nodeFiles)).toBeUndefined();
    expect(await whyOriginalsStay({ ...places, originals: 'delete' }, nodeFiles)).toBeUndefined();
  });

  it('stay in a read-only inbox', async ({ skip }) => {
    const places = await readOnly('inbox', skip);
    for (const originals of ['archive', 'delete'] as const) {
      const why = await whyOriginalsStay({ ...places, originals }, nodeFiles);
      expect(why?.text).toMatch(/^originals stay in .*inbox, because they cannot be moved: .*read-only/);
    }
    expect(await whyOriginalsStay({ ...places, originals: 'keep' }, nodeFiles)).toBeUndefined();
  });

  it('stay where the archive is read-only, unless they are deleted', async ({ skip }) => {
    const places = await readOnly('archive', skip);
    expect((await whyOriginalsStay({ ...places, originals: 'archive' }, nodeFiles))?.text).toMatch(
      /archive.*read-only/,
    );
    expect(await whyOriginalsStay({ ...places, originals: 'delete' }, nodeFiles)).toBeUndefined();
  });

  it('of others stay in an inbox where only owners may remove files', async () => {
    const places = await aFolder();
    await chmod(places.inbox, 0o1777);
    const us = process.geteuid?.() ?? 0;
    if (us === 0) await chown(places.inbox, 1234, 1234);
    const owner = us === 0 ? 1234 : us;
    const folder = { ...places, originals: 'delete' as const };
    expect((await whyOriginalsStay(folder, nodeFiles, owner + 1))?.text).toMatch(/sticky bit/);
    expect(await whyOriginalsStay(folder, nodeFiles, owner)).toBeUndefined();
    expect(await whyOriginalsStay(folder, nodeFiles, 0)).toBeUndefined();
  });
});
