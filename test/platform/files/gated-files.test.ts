import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureFolder } from '../../../src/deliver/output-folder.ts';
import { type Files, nodeFiles } from '../../../src/platform/files/files.ts';
import { gatedFiles } from '../../../src/platform/files/gated-files.ts';
import { MountSlots } from '../../../src/platform/files/mount-slots.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let dir: string;
let share: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-gated-'));
  share = join(dir, 'share');
  await mkdir(share);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Files below `share` answer only after `release`; what was asked meanwhile is counted. */
function hanging() {
  const state = { asked: [] as string[], held: [] as (() => void)[], isBack: false };
  const answer = async (what: string): Promise<void> => {
    state.asked.push(what);
    if (!state.isBack) await new Promise<void>(resolve => state.held.push(resolve));
  };
  const below = (path: string) => path.startsWith(share) || path.startsWith(join(dir, 'link'));
  const files: Files = {
    ...nodeFiles,
    stat: async path => {
      if (below(path)) await answer('stat');
      return nodeFiles.stat(path);
    },
    statfs: async path => {
      if (below(path)) await answer('statfs');
      return nodeFiles.statfs(path);
    },
    async open(path, flags, mode) {
      if (below(path)) await answer('open');
      return nodeFiles.open(path, flags, mode);
    },
  };
  const release = () => {
    state.isBack = true;
    for (const each of state.held.splice(0)) each();
  };
  const clock = new FakeClock();
  const mounts = () => [
    { point: '/', type: 'ext4', source: 'disk', device: '8:1' },
    { point: share, type: 'nfs4', source: 'nas:/films', device: '0:60' },
  ];
  return {
    state,
    release,
    clock,
    files: gatedFiles(files, { clock, mounts, answerMs: 5_000, slots: new MountSlots(2) }),
  };
}

/** Lets go what waits for a turn, and the time of a mount that does not answer pass. */
async function giveUp(clock: FakeClock): Promise<void> {
  await eventually(() => clock.timers > 0, { what: 'somebody to wait for the share' });
  await clock.advance(5_000);
}

describe('a share that hangs', () => {
  it('as an inbox does not hold up what is delivered elsewhere', async () => {
    const { files, clock } = hanging();
    const outbox = join(dir, 'outbox');
    await mkdir(outbox);
    const folder = ensureFolder({ path: outbox }, ['trip'], { files, log: silentLogger, forbidden: [share] });
    await giveUp(clock);
    await expect(folder).resolves.toBe(join(outbox, 'trip'));
  });

  it('as an outbox is asked by one at a time, and said to be unavailable', async () => {
    const { files, clock, state, release } = hanging();
    const asked = [1, 2, 3, 4, 5].map(() => files.statfs(share));
    const outcome = Promise.allSettled(asked);
    await giveUp(clock);
    expect((await outcome).map(one => one.status === 'rejected' && String(one.reason.code))).toEqual(
      Array.from({ length: 5 }, () => 'unavailable'),
    );
    expect(state.asked).toEqual(['statfs']);
    await expect(files.stat(dir)).resolves.toBeDefined();
    release();
    await eventually(() => files.statfs(share).then(() => true), { what: 'the share to be asked again' });
    expect(clock.timers).toBe(0);
  });

  it('is asked by one at a time through a link as well', async () => {
    const { files, clock, state } = hanging();
    await mkdir(join(share, 'films'));
    await symlink('share/films', join(dir, 'link'));
    const asked = [share, join(dir, 'link'), join(dir, 'link/trip')].map(path => files.statfs(path));
    const outcome = Promise.allSettled(asked);
    await giveUp(clock);
    expect((await outcome).map(one => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(state.asked).toEqual(['statfs']);
  });

  it('does not leave an empty file under the last name when it comes back', async () => {
    const { files, clock, release } = hanging();
    const reserved = files.open(join(share, 'clip.mp4'), 'wx', 0o666);
    const outcome = Promise.allSettled([reserved]);
    await giveUp(clock);
    expect((await outcome)[0]).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    release();
    const names = await eventually(() => files.readdir(share), { what: 'the share to be asked again' });
    expect(names).toEqual([]);
  });

  it('while a file is copied to it: the file is closed once it is back', async () => {
    const { files, clock, state, release } = hanging();
    state.isBack = true;
    const file = await files.open(join(share, 'clip.mp4'), 'wx', 0o666);
    state.isBack = false;
    const asked = Promise.allSettled([files.stat(share)]);
    await giveUp(clock);
    await asked;
    await expect(file.close()).rejects.toMatchObject({ code: 'unavailable' });
    release();
    await eventually(
      () =>
        file.stat().then(
          () => false,
          (error: NodeJS.ErrnoException) => error.code === 'EBADF',
        ),
      { what: 'the file to be closed' },
    );
  });
});
