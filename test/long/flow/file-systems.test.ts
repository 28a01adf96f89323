/**
 * Every kind of disk that starts on this machine, with the built program on it: what docs/reliability.md says about file systems
 * is what passes here. `npm run test:full` takes one of each manner: ordinary, without links, and with an inode per name.
 */
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../../src/api/types.ts';
import { Box, listing } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { MountNamespace, REAL_DISKS } from '../../support/real-disks.ts';

/** A folder of the disk or of the machine, with what becomes of its originals. */
const FOLDERS = {
  plain: { inbox: 'disk/inbox', outbox: 'disk/outbox' },
  /** From the machine to the disk. */
  local: { inbox: 'inbox', outbox: 'disk/from-local', originals: 'archive', archive: 'disk/archive-of-local' },
  /** Archived on the disk itself. */
  archived: { inbox: 'disk/to-archive', outbox: 'outbox', originals: 'archive', archive: 'disk/archive' },
  deleted: { inbox: 'disk/to-delete', outbox: 'disk/deleted', originals: 'delete' },
} as const;

const ONE_OF_EACH_MANNER = ['ext4', 'exFAT', 'mergerfs'];
const DISKS = REAL_DISKS.filter(
  ({ name }) => process.env['SHRINKBOX_DISKS'] === 'all' || ONE_OF_EACH_MANNER.some(one => name.startsWith(one)),
);

const SETTINGS = { settle: '300ms', scan: '1s' };

/** Starting the disk and the program, and all films of a suite; on a busy machine. */
const PATIENCE_MS = 300_000;

describe.each(DISKS)('$name', { timeout: PATIENCE_MS }, disk => {
  let mounts: MountNamespace | undefined;
  let box: Box;
  /** Why nothing can be tried here. */
  let why: string | undefined;

  const at = (path: string) => mounts?.real(join(box.dir, path)) ?? '';
  const film = (name: string) => join(box.dir, 'films', name);

  beforeAll(async () => {
    mounts = await MountNamespace.open();
    if (!mounts) return void (why = 'this machine does not let us mount (needs root)');
    box = new Box({ wrap: mounts.wrap });
    mkdirSync(join(box.dir, 'disk'));
    try {
      await mounts.run(box.dir, disk.make ?? 'true');
      await mounts.mount(disk, box.dir);
    } catch (error) {
      why = `${disk.packages.join(', ') || 'the kernel'}: not installed here, or does not mount (${String(error).split('\n').at(-2)})`;
      return;
    }
    const folders = Object.values(FOLDERS);
    for (const dir of folders.flatMap(folder => Object.values(folder))) {
      if (dir.includes('disk/')) mkdirSync(at(dir));
    }
    box.configure({
      folders: folders.map(folder => ({ ...folder, ...SETTINGS })),
      rules: [{ name: 'fits', size: '50MB' }],
    });
    await makeFilms(join(box.dir, 'films'));
    await box.start();
  }, PATIENCE_MS);

  afterAll(async () => {
    if (box) await box.kill('SIGTERM');
    await mounts?.close(box.dir);
    await box?.dispose();
  }, PATIENCE_MS);

  /** Skips a test with the reason why this disk cannot be tried. */
  function here(name: string, act: () => Promise<void>): void {
    it(name, async ({ skip }) => {
      if (why !== undefined) skip(why);
      await act();
    });
  }

  const jobsOf = async (path: string): Promise<JobView[]> =>
    (await box.jobs()).filter(({ source }) => source === join(box.dir, path));

  /** Waits for a job of each of these files, in a state. */
  async function all(state: JobView['state'], ...paths: string[]): Promise<JobView[]> {
    const look = async () => {
      const jobs = await Promise.all(paths.map(async path => (await jobsOf(path))[0]));
      const open = jobs.filter(job => job?.state !== state);
      if (open.length > 0)
        throw new Error(jobs.map((job, n) => `${paths[n]}: ${job?.state} ${job?.reason}`).join('\n'));
      return jobs as JobView[];
    };
    return eventually(look, { what: `${paths.join(', ')} to be ${state}`, withinMs: 120_000, everyMs: 200 });
  }

  const repins = () => box.journal().filter(({ event }) => event === 'repinned').length;
  const copyTo = (name: string, path: string) => copyFileSync(film(name), at(path));
  const renameTo = (name: string, path: string) => {
    copyFileSync(film(name), at(`${path}.part`));
    renameSync(at(`${path}.part`), at(path));
  };

  here('takes what is copied and what is renamed into it, and delivers into it', async () => {
    copyTo('one.mp4', 'disk/inbox/copied.mp4');
    renameTo('two.mp4', 'disk/inbox/renamed.mp4');
    await all('done', 'disk/inbox/copied.mp4', 'disk/inbox/renamed.mp4');
    expect(listing(at('disk/outbox'))).toEqual(['copied.mp4', 'renamed.mp4']);
  });

  here('archives in it, from within and from elsewhere, and deletes from it', async () => {
    renameTo('one.mp4', 'disk/to-archive/within.mp4');
    renameTo('one.mp4', 'inbox/elsewhere.mp4');
    renameTo('one.mp4', 'disk/to-delete/gone.mp4');
    await all('done', 'disk/to-archive/within.mp4', 'inbox/elsewhere.mp4', 'disk/to-delete/gone.mp4');
    expect(listing(at('disk/archive'))).toEqual(['within.mp4']);
    expect(listing(at('disk/archive-of-local'))).toEqual(['elsewhere.mp4']);
    for (const inbox of ['disk/to-archive', 'inbox', 'disk/to-delete']) expect(listing(at(inbox))).toEqual([]);
    expect(readFileSync(at('disk/archive/within.mp4')).equals(readFileSync(film('one.mp4')))).toBe(true);
  });

  here('names that differ only in case, and names it refuses, overwrite nothing', async () => {
    const strange = 'what? a:b*|"c".mp4';
    renameTo('one.mp4', 'inbox/Case.mp4');
    await all('done', 'inbox/Case.mp4');
    renameTo('two.mp4', 'inbox/case.mp4');
    renameTo('two.mp4', `inbox/${strange}`);
    const done = await all('done', 'inbox/Case.mp4', 'inbox/case.mp4', `inbox/${strange}`);
    const outputs = done.map(({ output }) => (output ?? '').slice(join(box.dir, 'disk/from-local/').length));
    expect(new Set(outputs.map(name => name.toLowerCase())).size, outputs.join('\n')).toBe(3);
    expect(listing(at('disk/from-local'))).toEqual([...outputs, 'elsewhere.mp4'].sort());
    expect(listing(at('disk/archive-of-local'))).toHaveLength(4);
  });

  here('a film that is only touched gets no second job, one edited in place does', async () => {
    const [touched, edited] = ['disk/inbox/touched.mp4', 'disk/inbox/edited.mp4'];
    for (const path of [touched, edited]) copyTo(basename(path), path);
    await all('done', touched, edited);
    const before = repins();
    const { mtimeMs } = statSync(at(touched));
    // As FAT's clock does at the end of summer time.
    utimesSync(at(touched), new Date(), new Date(mtimeMs - 3600_000));
    edit(at(edited));
    await eventually(() => repins() > before, { what: 'the touched film to be compared', withinMs: 120_000 });
    await eventually(async () => (await jobsOf(edited)).length === 2, { what: 'a second job', withinMs: 120_000 });
    await all('done', edited);
    expect(await jobsOf(touched)).toHaveLength(1);
  });

  here('twins in a folder that is renamed keep their records', async () => {
    mkdirSync(at('disk/inbox/old'));
    const twins = ['a.mp4', 'b.mp4'];
    for (const name of twins) renameTo('twin.mp4', `disk/inbox/old/${name}`);
    await all('done', ...twins.map(name => `disk/inbox/old/${name}`));
    const before = (await box.jobs()).length;
    renameSync(at('disk/inbox/old'), at('disk/inbox/new'));
    await all('done', ...twins.map(name => `disk/inbox/new/${name}`));
    expect((await box.jobs()).length).toBe(before);
  });

  here('a film deleted before its turn is not done', async () => {
    await box.post('/api/pause');
    renameTo('one.mp4', 'disk/inbox/short-lived.mp4');
    await all('queued', 'disk/inbox/short-lived.mp4');
    rmSync(at('disk/inbox/short-lived.mp4'));
    await box.post('/api/resume');
    await all('cancelled', 'disk/inbox/short-lived.mp4');
  });

  here('unplugged and plugged in again, it is waited for; nothing is done twice', async () => {
    const before = (await box.jobs()).length;
    await box.post('/api/pause');
    renameTo('two.mp4', 'disk/inbox/late.mp4');
    await all('queued', 'disk/inbox/late.mp4');
    await mounts?.unplug(box.dir);
    await box.post('/api/resume');
    const [waiting] = await all('waiting', 'disk/inbox/late.mp4');
    const said = async () => (await box.status()).folders.filter(({ reason }) => reason !== null).length === 4;
    await eventually(said, { what: 'status to say that all folders are away', withinMs: 120_000 });
    await mounts?.plugIn(disk, box.dir);
    await eventually(async () => (await box.status()).folders.every(({ available }) => available), {
      what: 'the inboxes',
    });
    await box.run('retry', waiting?.id ?? '');
    await all('done', 'disk/inbox/late.mp4');
    expect((await box.jobs()).length).toBe(before + 1);
  });

  here('after a restart with the disk mounted anew nothing is done twice', async () => {
    const before = await box.jobs();
    await box.kill('SIGTERM');
    await mounts?.unplug(box.dir);
    await mounts?.plugIn(disk, box.dir);
    await box.start();
    // Found later than all others, whatever order they are listed in.
    await eventually(async () =>
      (await box.status()).folders.every(({ pending, last_scan_age_ms: age }) => pending === 0 && age !== null),
    );
    renameTo('one.mp4', 'disk/inbox/last.mp4');
    await all('done', 'disk/inbox/last.mp4');
    expect((await box.jobs()).map(({ id }) => id).sort()).toEqual(
      [...before.map(({ id }) => id), (await jobsOf('disk/inbox/last.mp4'))[0]?.id ?? ''].sort(),
    );
    expect(hidden(at('disk'))).toEqual([]);
  });
});

/** Films that fit already, so that each takes a second: two that differ, twins, and two too large for their fingerprint. */
async function makeFilms(dir: string): Promise<void> {
  mkdirSync(dir);
  const tiny = readFileSync(await footage('tiny'));
  for (const name of ['one.mp4', 'twin.mp4']) writeFileSync(join(dir, name), withFreeSpace(tiny, 10_000));
  // Its result is another one as well: equal results under names that differ only in case are one file on some disks.
  copyFileSync(await footage('silent'), join(dir, 'two.mp4'));
  for (const name of ['touched.mp4', 'edited.mp4']) {
    writeFileSync(join(dir, name), withFreeSpace(tiny, 20 * 2 ** 20));
  }
}

/** An MP4 with a box that players skip, full of noise. */
function withFreeSpace(mp4: Buffer, bytes: number): Buffer {
  const free = Buffer.concat([Buffer.alloc(8), randomBytes(bytes)]);
  free.writeUInt32BE(free.length, 0);
  free.write('free', 4);
  return Buffer.concat([mp4, free]);
}

/** Turns a byte over that no sample of the fingerprint covers: those of a film of 20 MiB end at 1.25 MiB, and begin again at 2.4. */
function edit(path: string): void {
  const bytes = readFileSync(path);
  const offset = Math.floor(1.6 * 2 ** 20);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset);
  writeFileSync(path, bytes);
}

/** Names of ours that should not have stayed. */
function hidden(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(path =>
    /(^|\/)\.[^/]*shrinkbox|\.part$/.test(path),
  );
}
