import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InboxLock } from '../../src/app/inbox-lock.ts';
import { holdName } from '../../src/platform/abstract-socket.ts';
import { type Files, nodeFiles } from '../../src/platform/files/files.ts';

let dir: string;
let made: InboxLock[] = [];

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'shrinkbox-claims-')));
  await mkdir(join(dir, 'inbox/trip'), { recursive: true });
});
afterEach(async () => {
  for (const claims of made) await claims.release();
  made = [];
  await rm(dir, { recursive: true });
});

function claimsOf(state: string, files: Files = nodeFiles): InboxLock {
  const claims = new InboxLock(join(dir, state), files, 'linux');
  made.push(claims);
  return claims;
}

describe.runIf(process.platform === 'linux')('two daemons with states of their own', () => {
  it.each([
    ['one inbox', 'inbox', 'inbox', 'is already watching {dir}/inbox'],
    [
      'an inbox within the other',
      'inbox',
      'inbox/trip',
      'is already watching {dir}/inbox, which contains {dir}/inbox/trip',
    ],
    [
      'an inbox around the other',
      'inbox/trip',
      'inbox',
      'is already watching {dir}/inbox/trip, which is inside {dir}/inbox',
    ],
    ['an inbox by another name', 'inbox', 'link', 'is already watching {dir}/inbox'],
    ['an inbox that is not there yet', 'later', 'later', 'is already watching {dir}/later'],
  ])('do not share %s', async (_, first, second, says) => {
    await symlink('inbox', join(dir, 'link'));
    await claimsOf('state-a').claim([join(dir, first)]);
    await expect(claimsOf('state-b').claim([join(dir, second)])).rejects.toMatchObject({
      code: 'locked',
      message: `another shrinkbox (pid ${process.pid}, state ${dir}/state-a) ${says.replaceAll('{dir}', dir)}`,
    });
  });

  it('do not share an inbox that is mounted at two places', async () => {
    // A bind mount: two paths that no link connects, one device and inode.
    const files = { ...nodeFiles, stat: () => nodeFiles.stat(join(dir, 'inbox')) };
    await mkdir(join(dir, 'mnt'));
    await claimsOf('state-a', files).claim([join(dir, 'inbox')]);
    await expect(claimsOf('state-b', files).claim([join(dir, 'mnt')])).rejects.toMatchObject({ code: 'locked' });
  });

  it('may watch neighbours, and names that begin alike', async () => {
    await claimsOf('state-a').claim([join(dir, 'inbox')]);
    await claimsOf('state-b').claim([join(dir, 'inbox2'), join(dir, 'out')]);
  });

  it('release a folder that a reload removed, and keep all if a new one is refused', async () => {
    const [ours, theirs] = [claimsOf('state-a'), claimsOf('state-b')];
    await ours.claim([join(dir, 'one'), join(dir, 'two')]);
    await theirs.claim([join(dir, 'three')]);
    await expect(ours.claim([join(dir, 'two'), join(dir, 'three')])).rejects.toMatchObject({ code: 'locked' });
    await expect(theirs.claim([join(dir, 'one')])).rejects.toMatchObject({ code: 'locked' });
    await ours.claim([join(dir, 'two')]);
    await theirs.claim([join(dir, 'one')]);
    await ours.release();
    await theirs.claim([join(dir, 'one'), join(dir, 'two')]);
  });

  it('are not kept from their work by somebody who holds such a name and says nonsense', async () => {
    const names = ['{', '', 'null', '{"pid":1}', `{"pid":"1","stateDir":"x","inbox":"${dir}/inbox","identity":""}`];
    const held = await Promise.all(names.map((words, n) => holdName(`shrinkbox-inbox-${process.pid}-${n}`, words)));
    try {
      await claimsOf('state-a').claim([join(dir, 'inbox')]);
    } finally {
      for (const one of held) await one?.release();
    }
  });
});
