import { chmodSync } from 'node:fs';
import { chmod, link, mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { cleanUp, drop, isRoot, shell, tempDir, watching } from './support.ts';

describe.concurrent('what is not a file of its own', () => {
  it('is left alone: links, with a note where they leave the inbox', async () => {
    const outside = await tempDir();
    await drop(outside, 'secret.mp4');
    const { inbox, watcher, sightings, logs } = await watching();
    await drop(inbox, 'real.mp4');
    await symlink(join(outside, 'secret.mp4'), join(inbox, 'leaves.mp4'));
    await symlink(outside, join(inbox, 'folder'));
    await symlink('../../nowhere.mp4', join(inbox, 'dangling.mp4'));
    await symlink(join(inbox, 'real.mp4'), join(inbox, 'inside.mp4'));
    await symlink('real.mp4', join(inbox, 'relative.mp4'));
    await symlink('.', join(inbox, 'loop'));
    await watcher.rescan();
    await watcher.settled();
    expect(sightings.map(({ relative }) => relative)).toEqual(['real.mp4']);
    expect(watcher.folders()[0]?.leftAlone).toEqual([{ kind: 'symbolic link', files: 6 }]);
    const said = () => Object.fromEntries(logs.flatMap(({ path, why }) => (why ? [[String(path), why]] : [])));
    const reasons = {
      [join(inbox, 'leaves.mp4')]: `it is a link that leads out of the inbox (to ${join(outside, 'secret.mp4')})`,
      [join(inbox, 'folder')]: `it is a link that leads out of the inbox (to ${outside})`,
      [join(inbox, 'dangling.mp4')]: expect.stringMatching(/^it is a link that leads out of the inbox/),
    };
    expect(said()).toEqual(reasons);
    await watcher.rescan();
    expect(sightings).toHaveLength(1);
  });

  it('is left alone with a note: pipes, sockets and devices, never opened', async () => {
    const { inbox, watcher, sightings, logs } = await watching();
    await shell('mkfifo "$1/pipe.mp4"; mknod "$1/null.mp4" c 1 3 2>/dev/null || true; echo ready', inbox);
    const server = createServer().listen(join(inbox, 'socket.mp4'));
    cleanUp(() => server.close());
    const noted = (name: string) => logs.find(({ path, why }) => why && path === join(inbox, name))?.why;
    await eventually(() => noted('pipe.mp4') && noted('socket.mp4') && (!isRoot || noted('null.mp4')));
    expect(noted('pipe.mp4')).toBe('it is a named pipe, not a file');
    expect(noted('socket.mp4')).toBe('it is a socket, not a file');
    if (isRoot) expect(noted('null.mp4')).toBe('it is a character device, not a file');
    await watcher.rescan();
    expect(sightings).toHaveLength(0);
  });

  // Was: never said. Made step by step, because no call takes the whole path.
  it('is said: a path that is longer than the system can open', async () => {
    const { inbox, watcher, sightings, logs } = await watching();
    const name = 'a-folder-of-a-name-with-exactly-fifty-characters-xx';
    const script = `cd "$1"; for i in $(seq 82); do mkdir ${name} && cd -P ${name} || exit 1; done; : > clip.mp4; echo ready`;
    await shell(script, inbox);
    await watcher.rescan();
    await watcher.settled();
    expect(sightings).toEqual([]);
    expect(watcher.folders()[0]?.leftAlone).toEqual([{ kind: 'path too long', files: 1 }]);
    expect(logs.filter(({ msg }) => String(msg).includes('its path is longer than the system can open'))).toHaveLength(
      1,
    );
    await watcher.rescan();
    expect(watcher.folders()[0]?.leftAlone).toEqual([{ kind: 'path too long', files: 1 }]);
    // Node's own rm cannot either.
    await shell('rm -rf "$1"/*; echo ready', inbox);
    await watcher.rescan();
    expect(watcher.folders()[0]?.leftAlone).toEqual([]);
  });

  it('becomes one: a file in the place of a pipe is picked up', async () => {
    const { inbox, sighted, watcher } = await watching();
    await shell('mkfifo "$1/clip.mp4"; echo ready', inbox);
    await eventually(() => watcher.folders()[0]?.leftAlone[0]?.kind === 'named pipe');
    await unlink(join(inbox, 'clip.mp4'));
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4', seen => seen.refused === undefined);
    expect(watcher.folders()[0]?.leftAlone).toEqual([]);
  });

  it('may be the inbox itself: a link to a folder is followed', async () => {
    const real = join(await tempDir(), 'real');
    await mkdir(real);
    const inbox = join(await tempDir(), 'linked');
    await symlink(real, inbox);
    const { sighted } = await watching({ inbox });
    await drop(real, 'sub/clip.mp4');
    expect((await sighted('sub/clip.mp4')).path).toBe(join(inbox, 'sub/clip.mp4'));
  });

  it('is a folder, whatever its name, and files in it count', async () => {
    const { inbox, sighted, sightings } = await watching();
    await drop(inbox, 'film.mp4/clip.mp4');
    await sighted('film.mp4/clip.mp4');
    expect(sightings).toHaveLength(1);
  });
});

describe.concurrent('names', () => {
  it.each(['-rf.mp4', 'two words.mp4', 'quo"te\'s.mp4', 'new\nline.mp4', '🎬 ünïcode.mp4', `${'n'.repeat(251)}.mp4`])(
    'of any kind are taken: %j',
    async name => {
      const { inbox, sighted } = await watching();
      await drop(inbox, name);
      expect((await sighted(name)).path).toBe(join(inbox, name));
    },
  );

  it('that are not UTF-8 are refused with a reason, once', async () => {
    const { inbox, watcher, sightings } = await watching();
    const bad = Buffer.concat([Buffer.from(`${inbox}/caf`), Buffer.from([0xe9]), Buffer.from('.mp4')]);
    // Made beside the inbox: a file seen between its making and its writing is another version, and refused once more.
    const beside = join(await tempDir(), 'latin-1.mp4');
    await writeFile(beside, 'latin-1');
    const written = await rename(beside, bad).then(
      () => true,
      () => false,
    );
    // Some file systems (APFS) refuse such a name themselves.
    if (!written) return expect(sightings).toEqual([]);
    await eventually(() => sightings.length === 1, { what: 'the refusal' });
    expect(sightings[0]).toMatchObject({
      relative: 'caf\ufffd.mp4',
      refused: { code: 'inbox.name-not-utf8', text: 'its name is not valid UTF-8; rename it' },
      pin: { sizeBytes: 7 },
    });
    await watcher.rescan();
    await watcher.rescan();
    expect(sightings).toHaveLength(1);
  });
});

describe('what may not be read', () => {
  it('is refused with a reason: a file, until it can be read', async () => {
    const { inbox, sighted, sightings } = await asNobody(() => watching());
    const path = await drop(inbox, 'clip.mp4');
    await chmod(path, 0o200);
    const refused = await sighted('clip.mp4');
    expect(refused.refused?.text).toBe('permission denied: the user shrinkbox runs as cannot read it');
    await chmod(path, 0o600);
    await sighted('clip.mp4', seen => !seen.refused);
    expect(sightings).toHaveLength(2);
  });

  it('is refused with a reason: a folder, until it can be listed', async () => {
    const { inbox, watcher, sighted, sightings } = await asNobody(() => watching());
    await drop(inbox, 'closed/clip.mp4');
    chmodSync(join(inbox, 'closed'), 0o000);
    await watcher.rescan();
    const refused = await sighted('closed');
    expect(refused.refused?.text).toBe('this folder cannot be listed (EACCES)');
    await watcher.rescan();
    expect(sightings.filter(({ relative }) => relative === 'closed')).toHaveLength(1);
    chmodSync(join(inbox, 'closed'), 0o700);
    await watcher.rescan();
    await sighted('closed/clip.mp4');
  });

  it('is refused with a reason: a folder that may be listed but not entered', async () => {
    const { inbox, watcher, sighted, sightings } = await asNobody(() => watching());
    // Under a hidden name first: seen before it is closed it would be refused for another reason as well.
    await drop(inbox, '.closed/clip.mp4');
    chmodSync(join(inbox, '.closed'), 0o400);
    await rename(join(inbox, '.closed'), join(inbox, 'closed'));
    await watcher.rescan();
    await sighted('closed', seen => seen.refused?.text === 'this folder cannot be listed (EACCES)');
    await watcher.rescan();
    expect(sightings.filter(({ relative }) => relative === 'closed')).toHaveLength(1);
    chmodSync(join(inbox, 'closed'), 0o700);
    await watcher.rescan();
    await sighted('closed/clip.mp4');
  });

  it('makes an inbox unavailable, until it may be listed', async () => {
    const { inbox, watcher, states, sighted } = await asNobody(() => watching());
    chmodSync(inbox, 0o000);
    await watcher.rescan();
    expect(states.at(-1)).toEqual({
      available: false,
      polled: false,
      reason: 'the user shrinkbox runs as may not read it',
    });
    chmodSync(inbox, 0o700);
    await watcher.rescan();
    expect(states.at(-1)).toMatchObject({ available: true });
    await drop(inbox, 'clip.mp4');
    await sighted('clip.mp4');
  });

  // Only root can take permissions away from itself and have them back without touching the file.
  if (isRoot) {
    it('is tried at every rescan: permissions may change without a trace in the file', async () => {
      process.seteuid?.(0);
      const inbox = join(await tempDir(), 'inbox');
      const path = await drop(inbox, 'clip.mp4');
      chmodSync(join(inbox, '..'), 0o755);
      chmodSync(path, 0o600);
      const { watcher, sighted } = await asNobody(() => watching({ inbox }));
      await sighted('clip.mp4', seen => seen.refused !== undefined);
      process.seteuid?.(0);
      await watcher.rescan();
      await sighted('clip.mp4', seen => !seen.refused);
    });
  }

  it('is found again by a rescan alone when it was hard to read', async () => {
    const { inbox, watcher, sighted } = await asNobody(() => watching({ scan: 150 }));
    const path = await drop(inbox, 'clip.mp4');
    await chmod(path, 0o200);
    await sighted('clip.mp4', seen => seen.refused !== undefined);
    await link(path, `${path}.other.mp4`);
    await chmod(path, 0o600);
    await watcher.rescan();
    await sighted('clip.mp4', seen => !seen.refused);
  });
});

/** Root may read everything, so these tests run as somebody else: files made by them are theirs. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot || !process.seteuid) return work();
  process.seteuid(65534);
  cleanUp(() => process.seteuid?.(0));
  return work();
}
