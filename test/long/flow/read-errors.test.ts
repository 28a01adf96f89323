/** A disk that answers EIO for parts of its files: an image whose end is cut off while it is mounted. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { appendFile, truncate } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { MountNamespace, type RealDisk } from '../../support/real-disks.ts';

const EXT4: RealDisk = {
  name: 'ext4',
  packages: ['e2fsprogs'],
  make: 'truncate -s 100M image && mkfs.ext4 -q -F image',
  mount: 'mount -o loop,noatime image disk',
};

let mounts: MountNamespace | undefined;
let box: Box | undefined;
const cleanUp: (() => void)[] = [];
afterEach(async () => {
  if (box) await box.kill();
  await mounts?.close(box?.dir ?? '/');
  await box?.dispose();
  mounts = undefined;
  box = undefined;
  for (const act of cleanUp.splice(0)) act();
});

/** A program whose inbox is on such a disk, which holds these films. */
async function boxWith(films: Readonly<Record<string, string>>, skip: (why: string) => void) {
  const namespace = await MountNamespace.open();
  if (!namespace) return skip('this machine does not let us mount (needs root)');
  mounts = namespace;
  const made = new Box({ wrap: namespace.wrap });
  box = made;
  const { dir } = made;
  mkdirSync(join(dir, 'disk'));
  try {
    await namespace.run(dir, EXT4.make ?? '');
    await namespace.mount(EXT4, dir);
  } catch (error) {
    return skip(`no ext4 on a loop device here (${String(error)})`);
  }
  const real = namespace.real(join(dir, 'disk/inbox'));
  mkdirSync(real);
  const folder = { inbox: 'disk/inbox', outbox: 'outbox', settle: '300ms', scan: '1s' };
  made.configure({ folders: [folder], rules: [{ name: 'fits', size: '50MB' }] });
  const putFilms = async () => {
    for (const [name, from] of Object.entries(films)) copyFileSync(from, join(real, name));
    await namespace.run(dir, 'sync -f disk');
  };
  /** Unmounts, and mounts again without the second half of the first film and everything behind it. */
  const breakDisk = async () => {
    const [first = ''] = Object.keys(films);
    const extents = await namespace.run(dir, `filefrag -b4096 -v disk/inbox/${first}`);
    const at = Number(/^ *0: +\d+\.\. +\d+: +(\d+)\.\./m.exec(extents)?.[1]) * 4096;
    expect(at).toBeGreaterThan(0);
    await namespace.run(dir, 'umount disk && cp image whole && mount -o loop,noatime image disk');
    await truncate(join(dir, 'image'), at + Math.floor(statSync(films[first] ?? '').size / 2));
  };
  const mendDisk = () => namespace.run(dir, 'umount -l disk; cat whole > image && mount -o loop,noatime image disk');
  return { box: made, putFilms, breakDisk, mendDisk };
}

/** Too large for its fingerprint to cover every byte. */
async function large(): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'shrinkbox-large-')), 'large.mp4');
  cleanUp.push(() => rmSync(dirname(path), { recursive: true }));
  copyFileSync(await footage('plain'), path);
  const free = Buffer.concat([Buffer.alloc(8), randomBytes(20 * 2 ** 20)]);
  free.writeUInt32BE(free.length, 0);
  free.write('free', 4);
  await appendFile(path, free);
  return path;
}

// Was: dropped with a line in the log, and never looked at again until it changed or shrinkbox was restarted.
it('a film that cannot be read when it is found is waited for, and says why', { timeout: 300_000 }, async ({
  skip,
}) => {
  const made = await boxWith({ 'clip.mp4': await footage('plain') }, skip);
  if (!made) return;
  const { putFilms, breakDisk, mendDisk } = made;
  await putFilms();
  await breakDisk();
  await made.box.start();
  const why = await eventually(
    async () => (await made.box.status()).folders[0]?.arriving.find(({ why }) => /EIO/.test(why))?.why,
    { what: 'status to say that the film cannot be read' },
  );
  expect(why).toMatch(/EIO/);
  expect(await made.box.jobs()).toEqual([]);
  expect((await made.box.run('status')).stdout).toMatch(/clip\.mp4.*EIO/);
  await mendDisk();
  await eventually(async () => (await made.box.jobs())[0]?.state === 'done', {
    what: 'the film to be done',
    withinMs: 240_000,
  });
});

it('jobs whose films cannot be read any more wait, and continue', { timeout: 300_000 }, async ({ skip }) => {
  const made = await boxWith({ 'small.mp4': await footage('plain'), 'large.mp4': await large() }, skip);
  if (!made) return;
  const { putFilms, breakDisk, mendDisk } = made;
  await made.box.start();
  await made.box.post('/api/pause');
  await putFilms();
  const states = async () => (await made.box.jobs()).map(({ state }) => state);
  await eventually(async () => (await states()).join() === 'queued,queued', { what: 'two jobs' });
  await made.box.kill('SIGTERM');
  await breakDisk();
  await made.box.start();
  await made.box.post('/api/resume');
  await eventually(async () => (await states()).join() === 'waiting,waiting', {
    what: 'both to wait',
    withinMs: 120_000,
  });
  for (const { reason, source } of await made.box.jobs()) {
    expect(reason).toContain(source);
    expect(reason).toMatch(/EIO/);
  }
  await mendDisk();
  for (const { id } of await made.box.jobs()) await made.box.run('retry', id);
  await eventually(async () => (await states()).join() === 'done,done', { what: 'both to be done', withinMs: 200_000 });
  expect(readFileSync(join(made.box.outbox, 'small.mp4')).length).toBeGreaterThan(0);
});
