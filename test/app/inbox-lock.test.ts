import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InboxLock } from '../../src/app/inbox-lock.ts';
import { holdName, listeningNames, namesHeld } from '../../src/platform/abstract-socket.ts';
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

function claimsOf(state: string, files: Files = nodeFiles, locksFolders = false): InboxLock {
  const claims = new InboxLock(join(dir, state), files, 'linux', locksFolders);
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

  // Only root can be somebody else.
  it.runIf(process.getuid?.() === 0)('are not locked out by a stranger who claims their inbox', async () => {
    const claim = { pid: process.pid, stateDir: '/elsewhere', inbox: join(dir, 'inbox'), identity: '' };
    const name = `shrinkbox-inbox-${randomBytes(8).toString('hex')}`;
    const script = `require('node:net').createServer(socket => socket.end(${JSON.stringify(JSON.stringify(claim))})).listen('\\0${name}', () => console.log('bound'))`;
    const stranger = spawn(process.execPath, ['-e', script], { uid: 4321, gid: 4321, cwd: '/', env: {} });
    try {
      await once(stranger.stdout, 'data');
      expect(await namesHeld(name)).toEqual([{ name, isOurs: false }]);
      const ours = claimsOf('state-a');
      await ours.claim([join(dir, 'inbox')]);
      expect((await ours.strangers([join(dir, 'inbox'), join(dir, 'other')])).map(({ text }) => text)).toEqual([
        expect.stringContaining(`claims to be a shrinkbox that watches ${dir}/inbox.`),
      ]);
    } finally {
      stranger.kill('SIGKILL');
      await once(stranger, 'exit');
    }
  });
});

describe.runIf(process.platform === 'linux')('two containers, which see no names of each other', () => {
  // Claims of its own state directory are no other's: as with /state in each of them, only the lock on the folder tells.
  const inContainer = () => claimsOf('state', nodeFiles, true);

  it('do not share an inbox, by whatever path, until the first one ends', async () => {
    await symlink('inbox', join(dir, 'link'));
    const first = inContainer();
    await first.claim([join(dir, 'inbox')]);
    // Again at each reload.
    await first.claim([join(dir, 'inbox')]);
    const second = inContainer();
    await expect(second.claim([join(dir, 'link')])).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('perhaps in another container'),
    });
    await first.release();
    await second.claim([join(dir, 'link')]);
  });

  it('keep nobody from an inbox that is missing or not theirs to read', async () => {
    await inContainer().claim([join(dir, 'later')]);
    const unreadable: Files = { ...nodeFiles, open: () => Promise.reject(new Error('EACCES')) };
    await claimsOf('state-b', unreadable, true).claim([join(dir, 'inbox')]);
  });
});

it('a name with a line break in it does not borrow the socket of another process', () => {
  const line = (inode: number, name: string) => `0: 00000002 00000000 00010000 0001 01 ${inode} @${name}`;
  const text = `Num RefCount Protocol Flags Type St Inode Path\n${line(7, 'root')}\n${line(9, 'x')}\n${line(7, 'evil')}\n${line(9, 'evil')}\n`;
  expect(listeningNames(text)).toEqual([
    { name: 'root', inode: '7' },
    { name: 'x', inode: '9' },
    // Both are looked for: the forged line and the one that cannot be hidden.
    { name: 'evil', inode: '7' },
    { name: 'evil', inode: '9' },
  ]);
  const connected = '0: 00000003 00000000 00000000 0001 03 7 @root';
  expect(listeningNames(connected)).toEqual([]);
});
