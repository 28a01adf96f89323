import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { deliver } from '../../src/deliver/deliver.ts';
import { type DisposeOptions, disposeOriginal } from '../../src/deliver/originals.ts';
import { probeFolder } from '../../src/deliver/write-test.ts';
import { type Files, nodeFiles, pinOf } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { deliveryFixture, filesBelow, pattern } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';
import { privateMounts } from '../support/private-mounts.ts';
import { renumberingFiles } from '../support/renumbering-files.ts';

/** What a hard link looks like differs: union file systems number inodes by name, others refuse or fail it. */

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const act of cleanUp.splice(0).reverse()) await act();
});

interface Disk {
  root: string;
  files: Files;
}

function onDisk(files: Files): Disk {
  const root = mkdtempSync(join(tmpdir(), 'shrinkbox-links-'));
  cleanUp.push(() => rmSync(root, { recursive: true, force: true }));
  return { root, files };
}

/** A limit, not what is used: mergerfs creates nothing where less than 4 GB are free. */
const ENOUGH = 8_000_000_000;

/** A real file system; the test is skipped where its program is not installed or cannot mount here. */
async function mounted(program: string, command: string, skip: (why: string) => void): Promise<Disk> {
  const mounts = await privateMounts(ENOUGH, `mkdir a b m && ${command} && until mountpoint -q m; do sleep 0.1; done`);
  if (!mounts) skip(`${program} is not installed, or this machine does not let it mount`);
  cleanUp.push(() => mounts?.close());
  return { root: join(mounts?.root ?? '', 'm'), files: nodeFiles };
}

const DISKS: [string, (skip: (why: string) => void) => Promise<Disk> | Disk][] = [
  ['inodes numbered by name', () => onDisk(renumberingFiles())],
  ['links that fail with EIO', () => onDisk(new FailingFiles().fail('link', 'EIO', { forever: true }))],
  ['mergerfs', skip => mounted('mergerfs', 'mergerfs a:b m', skip)],
  ['unionfs-fuse', skip => mounted('unionfs-fuse', 'unionfs-fuse -o cow a=RW:b=RW m', skip)],
  ['bindfs', skip => mounted('bindfs', 'bindfs a m', skip)],
  [
    'rclone mount',
    skip => mounted('rclone', 'rclone --config "" mount a m --vfs-cache-mode writes --daemon --cache-dir b', skip),
  ],
];

describe.each(DISKS)('%s', (_name, make) => {
  test('delivers once and leaves no temporary name', { timeout: 30_000 }, async ({ skip }) => {
    const { root, files } = await make(why => skip(why));
    const fixture = deliveryFixture();
    cleanUp.push(() => fixture.close());
    const outbox = join(root, 'outbox');
    mkdirSync(outbox);
    const delivery = await deliver(fixture.verified, fixture.options({ outbox, files }));
    expect(delivery.output).toBe(join(outbox, 'clip.mp4'));
    expect(filesBelow(outbox)).toEqual(['clip.mp4: 3000']);
  });

  test('archives an original, which is then in the archive only', { timeout: 30_000 }, async ({ skip }) => {
    const { root, files } = await make(why => skip(why));
    const options = await anOriginal(root, files);
    const to = join(root, 'archive/clip.mov');
    expect(await disposeOriginal(options)).toEqual({ kind: 'archived', to });
    expect(existsSync(options.path)).toBe(false);
    expect(filesBelow(root)).toEqual(['archive/clip.mov: 5000']);
  });

  // Was: such mounts keep a file that is open under a hidden name of theirs when its name goes.
  test('deletes an original, also where the inbox is a link', { timeout: 30_000 }, async ({ skip }) => {
    const { root, files } = await make(why => skip(why));
    const options = await anOriginal(root, files);
    const links = mkdtempSync(join(tmpdir(), 'shrinkbox-links-'));
    cleanUp.push(() => rmSync(links, { recursive: true, force: true }));
    symlinkSync(options.inbox, join(links, 'inbox'));
    const inbox = join(links, 'inbox');
    expect(await disposeOriginal({ ...options, inbox, policy: 'delete' })).toEqual({ kind: 'deleted' });
    expect(filesBelow(root)).toEqual([]);
  });

  test('does not overwrite a file of another', { timeout: 30_000 }, async ({ skip }) => {
    const { root, files } = await make(why => skip(why));
    const options = await anOriginal(root, files);
    writeFileSync(join(root, 'archive/clip.mov'), 'another film');
    expect(await disposeOriginal(options)).toEqual({ kind: 'archived', to: join(root, 'archive/clip (2).mov') });
    expect(filesBelow(root)).toEqual(['archive/clip (2).mov: 5000', 'archive/clip.mov: 12']);
  });

  test('is usable, as doctor tests it', { timeout: 30_000 }, async ({ skip }) => {
    const { root, files } = await make(why => skip(why));
    const probe = await probeFolder(root, files, 'x1');
    expect(probe.checks.filter(check => check.result === 'failed')).toEqual([]);
    expect(filesBelow(root)).toEqual([]);
  });
});

test('a crash between the two names of an archived file is finished where inodes are numbered by name', async () => {
  const { root, files } = onDisk(renumberingFiles());
  const options = await anOriginal(root, files);
  const to = join(root, 'archive/clip.mov');
  await nodeFiles.link(options.path, to);
  expect(await disposeOriginal({ ...options, intended: to })).toEqual({ kind: 'archived', to });
  expect(filesBelow(root)).toEqual(['archive/clip.mov: 5000']);
});

test('a link made by a share that lost its answer to EIO is kept as the one name', async () => {
  const link: Files['link'] = async (from, to) => {
    await nodeFiles.link(from, to);
    throw Object.assign(new Error('EIO: the answer was lost'), { code: 'EIO' });
  };
  const { root, files } = onDisk({ ...nodeFiles, link });
  const options = await anOriginal(root, files);
  await disposeOriginal(options);
  expect(filesBelow(root)).toEqual(['archive/clip.mov: 5000']);
  expect(String(statSync(join(root, 'archive/clip.mov'), { bigint: true }).ino)).toBe(options.pin.ino);
});

async function anOriginal(root: string, files: Files): Promise<DisposeOptions & { path: string }> {
  for (const name of ['inbox', 'archive']) mkdirSync(join(root, name));
  const path = join(root, 'inbox/clip.mov');
  writeFileSync(path, pattern(5000, 'original'));
  return {
    job: 'job1',
    path,
    inbox: join(root, 'inbox'),
    pin: await pinOf(path, files),
    relative: 'clip.mov',
    policy: 'archive',
    archiveDir: join(root, 'archive'),
    beforeMove: async () => {},
    files,
    log: silentLogger,
  };
}
