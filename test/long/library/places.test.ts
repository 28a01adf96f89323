/**
 * Libraries among neighbours and on disks that misbehave, with the built program. The first in `npm run test:full`; all with
 * `npm run test:library`, as root on Linux, each skipped with its reason where its disk cannot be had.
 */
import { appendFileSync, closeSync, linkSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Box } from '../../support/box.ts';
import { hashOf, LibraryBox } from '../../support/library-box.ts';
import { cannotMount, cutPower, fill, Mounts, run } from '../torture/disk/mounts.ts';

const IS_THOROUGH = process.env['SHRINKBOX_THOROUGH'] !== undefined;
/** Power cuts, at random moments. */
const CUTS = Number(process.env['CUTS'] ?? 12);
const PATIENCE_MS = 600_000;

let box: LibraryBox;
let mounts: Mounts;
beforeEach(() => {
  mounts = new Mounts();
});
afterEach(async () => {
  await box?.kill();
  // Before the folders that they are mounted on.
  mounts.close();
  await box?.dispose();
});

test(
  'neighbours: names that clash, hard links, open, changed and moved films are left alone, and a second daemon is refused',
  async () => {
    box = new LibraryBox();
    await box.addFilms(
      'a.mov',
      'a.mp4',
      'linked.mp4',
      'open.mov',
      'changed.mp4',
      'moved.mov',
      'plain.mov',
      'plain.srt.mov',
    );
    const at = (name: string) => join(box.videos, name);
    linkSync(at('linked.mp4'), at('second name.mp4'));
    const player = openSync(at('open.mov'), 'r');
    onTestFinished(() => closeSync(player));
    await box.start();
    const { id, todo, left_alone: left } = await box.plan();
    expect(Object.fromEntries(left.map(({ kind, films }) => [kind, films]))).toEqual({
      'name-taken': 1,
      'hard-linked': 2,
      open: 1,
    });
    expect(todo.films).toBe(5);
    appendFileSync(at('changed.mp4'), 'more');
    renameSync(at('moved.mov'), at('elsewhere.mov'));
    const [changed, moved] = [hashOf(at('changed.mp4')), hashOf(at('elsewhere.mov'))];
    await box.begin(id);
    const other = new Box({
      config: { folders: [{ library: box.videos, archive: join(box.dir, 'other') }], rules: [{ name: 'films' }] },
    });
    onTestFinished(() => other.dispose());
    const refused = await other.run('run');
    expect([refused.code, refused.stderr]).toEqual([11, expect.stringContaining(box.videos)]);
    const { done, left_alone: leftAtTurn } = await box.finished();
    expect([done, leftAtTurn]).toEqual([3, 2]);
    expect(box.logText()).toMatch(/moved\.mov","msg":"left alone: /);
    expect(box.archived()).toEqual(['a.mp4', 'plain.mov', 'plain.srt.mov']);
    expect(box.changed().sort()).toEqual(['a.mp4', 'changed.mp4', 'moved.mov', 'plain.mov', 'plain.srt.mov']);
    expect([hashOf(at('changed.mp4')), hashOf(at('elsewhere.mov'))]).toEqual([changed, moved]);
    expect(statSync(at('linked.mp4')).nlink).toBe(2);
    expect(box.seen().filter(name => name.startsWith('.'))).toEqual([]);
  },
  PATIENCE_MS,
);

/** Why a disk cannot be had here. */
const { cannot } = cannotMount();

describe.runIf(IS_THOROUGH)('a film that a media server plays', () => {
  test(
    'is waited for, seen to its end, and done when it is closed',
    async () => {
      box = new LibraryBox();
      await box.addFilms('playing.mp4');
      const path = join(box.videos, 'playing.mp4');
      const before = readFileSync(path);
      await box.start();
      await box.begin((await box.plan()).id);
      await box.jobOf('playing.mp4', 'running');
      const player = openSync(path, 'r');
      const { id, reason } = await box.jobOf('playing.mp4', 'waiting');
      expect(reason).toMatch(/has .*playing\.mp4 open/);
      expect(box.changed()).toEqual([]);
      expect(readFileSync(player)).toEqual(before);
      closeSync(player);
      await box.post(`/api/jobs/${id}/retry`);
      await box.jobOf('playing.mp4', 'done');
      expect([box.unsafe(), box.seen(), box.archived()]).toEqual([[], ['playing.mp4'], ['playing.mp4']]);
    },
    PATIENCE_MS,
  );

  test(
    'and that is given up when the library is stopped keeps the one name it had',
    async () => {
      box = new LibraryBox();
      await box.addFilms('playing.mov');
      const path = join(box.videos, 'playing.mov');
      await box.start();
      await box.begin((await box.plan()).id);
      await box.jobOf('playing.mov', 'running');
      const player = openSync(path, 'r');
      onTestFinished(() => closeSync(player));
      await box.jobOf('playing.mov', 'waiting');
      await box.post(`/api/library/stop?folder=${encodeURIComponent(box.videos)}`);
      await box.jobOf('playing.mov', 'cancelled');
      expect([box.changed(), box.seen(), box.archived()]).toEqual([[], ['playing.mov'], []]);
      expect(statSync(path).nlink).toBe(1);
    },
    PATIENCE_MS,
  );
});

interface Trouble {
  what: string;
  /** What is a disk of its own. */
  disk: 'videos' | 'originals';
  begin(point: string, mounts: Mounts, image: string): void;
  end(point: string, mounts: Mounts, image: string): void;
  reason: RegExp;
}

const TROUBLES: Trouble[] = [
  {
    what: 'the archive is full',
    disk: 'originals',
    begin: point => void fill(point, 8_192),
    end: point => rmSync(join(point, 'filler')),
    reason: /space|full|room/,
  },
  {
    what: 'the disk of the archive is taken away in the middle',
    disk: 'originals',
    begin: (point, mounts) => mounts.end(point, true),
    end: (point, mounts, image) => mounts.again(point, image),
    reason: /originals/,
  },
  {
    what: 'the library is read-only',
    disk: 'videos',
    begin: point => run('mount', '-o', 'remount,ro', point),
    end: point => run('mount', '-o', 'remount,rw', point),
    reason: /read-only|not writable|cannot write/,
  },
];

describe.runIf(IS_THOROUGH && cannot === undefined)('a disk that misbehaves', () => {
  test.each(TROUBLES)(
    '$what: the film stays as it is, the reason is said, and it is done afterwards',
    async ({ disk, begin, end, reason }) => {
      box = new LibraryBox();
      const point = join(box.dir, disk);
      const image = join(box.dir, 'image');
      // Of the disk that it works on, shrinkbox leaves 64 MB free.
      mounts.ext4(point, image, disk === 'videos' ? 200_000_000 : 20_000_000);
      await box.addFilms('trips/clip.mp4');
      await box.start();
      await box.begin((await box.plan()).id);
      await box.jobOf('trips/clip.mp4', 'running');
      begin(point, mounts, image);
      const job = await box.jobOf('trips/clip.mp4', 'waiting', 'held');
      expect(job.reason).toMatch(reason);
      expect(box.changed()).toEqual([]);
      expect(box.seen().filter(name => name !== 'trips/clip.mp4')).toEqual([]);
      expect(box.archived().filter(name => name !== 'filler')).toEqual([]);
      end(point, mounts, image);
      await box.post(`/api/jobs/${job.id}/retry`);
      await box.jobOf('trips/clip.mp4', 'done');
      expect([box.unsafe(), box.archived()]).toEqual([[], ['trips/clip.mp4']]);
      await box.restoreAll();
      expect([box.changed(), box.archived()]).toEqual([[], []]);
    },
    PATIENCE_MS,
  );
});

const SHARED = [
  ['xfs, films that share their blocks (reflinks)', 'mkfs.xfs'],
  ['mergerfs of two folders', 'mergerfs'],
] as const;

describe.runIf(IS_THOROUGH && cannot === undefined)('on', () => {
  test.each(SHARED)(
    '%s: both films are done and come back byte for byte',
    async (_what, tool) => {
      const missing = cannotMount(tool).cannot;
      if (missing !== undefined) {
        expect(missing).toContain(tool);
        return;
      }
      box = new LibraryBox({ videos: 'disk/videos', archive: 'disk/originals' });
      const disk = join(box.dir, 'disk');
      rmSync(disk, { recursive: true });
      if (tool === 'mkfs.xfs') mounts.xfs(disk, join(box.dir, 'image'), 320_000_000);
      else mounts.mergerfs(disk, join(box.dir, 'branch a'), join(box.dir, 'branch b'));
      for (const dir of [box.videos, box.archive]) run('mkdir', dir);
      await box.addFilms('one.mov', 'two.mp4');
      if (tool === 'mkfs.xfs') {
        box.removeFilm('two.mp4');
        await box.addFilms('three.mp4');
        run('cp', '--reflink=always', '--preserve=all', join(box.videos, 'three.mp4'), join(box.videos, 'four.mp4'));
      }
      const films = box.seen().length;
      await box.start();
      await box.begin((await box.plan()).id);
      expect((await box.finished()).done).toBe(films);
      expect([box.unsafe(), box.archived().length]).toEqual([[], films]);
      expect((await box.run('library', 'verify')).stdout).toContain('0 problems');
      await box.restoreAll();
      expect([box.changed(), box.archived()]).toEqual([[], []]);
    },
    PATIENCE_MS,
  );
});

describe.runIf(IS_THOROUGH && cannotMount('xfs_io').cannot === undefined)('a power cut', () => {
  test(
    `${CUTS} times at random moments: nothing is lost, each film is done once, and all come back`,
    async () => {
      const root = mkdtempSync(join(tmpdir(), 'shrinkbox-power-'));
      onTestFinished(() => rmSync(root, { recursive: true, force: true }));
      const disk = join(root, 'disk');
      let image = join(root, 'image');
      mounts.ext4(disk, image, 200_000_000);
      // Films, archive, journal and working files: all of it stands still at the same moment.
      box = new LibraryBox({ within: disk });
      const names = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? `trip ${n}/film.mp4` : `trip ${n}/film.mov`));
      await box.addFilms(...names);
      run('sync');
      await box.start();
      await box.begin((await box.plan()).id);
      for (let cut = 0; cut < CUTS; cut += 1) {
        await new Promise(resolve => setTimeout(resolve, Math.random() * 9_000));
        cutPower(disk);
        await box.kill();
        mounts.end(disk, true);
        // A copy of what is on the disk: what was mounted may still be seen by programs elsewhere.
        const found = `${image}.${cut}`;
        run('cp', '--sparse=always', image, found);
        image = found;
        mounts.again(disk, image);
        expect(box.unsafe(), `after cut ${cut}`).toEqual([]);
        await box.start();
      }
      expect((await box.finished()).done).toBe(names.length);
      expect([box.unsafe(), box.archived().length, box.seen().length]).toEqual([[], names.length, names.length]);
      expect((await box.run('library', 'verify')).stdout).toContain('0 problems');
      await box.restoreAll();
      expect([box.changed(), box.archived(), box.seen()]).toEqual([[], [], names.sort()]);
    },
    6 * PATIENCE_MS,
  );
});
