/** An inbox that its users change all the time, for a minute; a slice of it is in test/platform/files/door.test.ts. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { canMount, hungMount } from '../../inbox/mounting.ts';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { exchanging, NEIGHBOUR, noNeighbours } from '../../support/exchanger.ts';
import { footage } from '../../support/footage.ts';
import { dropInto, isUpright, stopsInTime, twoUsers } from '../../support/two-users.ts';

const EXCHANGED_MS = 60_000;

let box: Box | undefined;
afterEach(() => box?.dispose());

// Skipped where nobody may become another user.
it.skipIf(noNeighbours)('a folder exchanged for a link all the time shows no film of others', async () => {
  const { box: made, d, link } = await twoUsers();
  box = made;
  await box.start();
  dropInto(d, await footage('plain'));
  const exchanger = await exchanging(d, link, { uid: NEIGHBOUR });
  // As long as a settle time, a fingerprint, a probe and the first children take.
  await new Promise(resolve => setTimeout(resolve, EXCHANGED_MS));
  expect(await exchanger.stop()).toBeGreaterThan(1_000);
  await box.job('d/clip.mp4', 'done');
  for (const output of box.outputs()) expect(isUpright(join(box.outbox, output))).toBe(false);
  await stopsInTime(box);
});

it('clips replaced by pipes while they are admitted: two of them stopped every folder until kill -9', async () => {
  box = new Box();
  await box.start();
  const clip = join(box.dir, 'clip.mp4');
  // Long enough for its fingerprint to take a moment.
  copyFileSync(await footage('plain'), clip);
  execFileSync('sh', ['-c', `printf '\\001\\000\\000\\010free' >> "$0"; head -c 16777216 /dev/zero >> "$0"`, clip]);
  const names = Array.from({ length: 40 }, (_, n) => `clip${n}.mp4`);
  execFileSync(
    'mkfifo',
    names.map(name => join(box?.dir ?? '', `${name}.pipe`)),
  );
  for (const name of names) linkSync(clip, join(box.inbox, name));
  await eventually(async () => (await box?.jobs())?.[0], { what: 'the first job', everyMs: 5 });
  for (const name of names) renameSync(join(box.dir, `${name}.pipe`), join(box.inbox, name));
  const good = box.drop(await footage('silent'), 'good.mp4');
  await box.job('good.mp4', 'done');
  expect(lstatSync(good).isFile()).toBe(true);
  await stopsInTime(box);
});

// Skipped where no program may mount: elsewhere than as root, or without FUSE.
it.skipIf(!canMount)('a mount in the inbox that never answers does not keep the daemon from ending', async () => {
  box = new Box();
  const share = join(box.inbox, 'share');
  mkdirSync(share);
  const mount = await hungMount(share);
  try {
    await box.start();
    box.drop(await footage('tiny'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
    // Asked by explain as well.
    const asked = box.get(`/api/explain?path=${encodeURIComponent(join(share, 'clip.mp4'))}`).catch(() => {});
    await stopsInTime(box, null);
    await asked;
  } finally {
    await mount.end();
  }
});
