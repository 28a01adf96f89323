import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isShrinkError } from '../../src/core/errors.ts';
import type { Pin } from '../../src/core/job.ts';
import { type DisposeOptions, disposeOriginal } from '../../src/deliver/originals.ts';
import { type Files, nodeFiles, pinOf } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { filesBelow, pattern, read } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';
import { namedPath } from '../support/named-path.ts';
import { canMount, mountedOver } from '../inbox/mounting.ts';

const CONTENT = pattern(5000, 'original');
let root: string;
let source: string;
let pin: Pin;
let intended: string[];

async function aNewOriginal(): Promise<void> {
  root = mkdtempSync(join(tmpdir(), 'shrinkbox-originals-'));
  for (const dir of ['inbox/trip', 'archive']) mkdirSync(join(root, dir), { recursive: true });
  source = join(root, 'inbox/trip/clip.mov');
  writeFileSync(source, CONTENT);
  // Old enough that a change shows even where the clock of the file system ticks slowly.
  utimesSync(source, 1_500_000_000, 1_500_000_000);
  pin = await pinOf(source);
  intended = [];
}
const removeAll = () => rmSync(root, { recursive: true, force: true });

beforeEach(aNewOriginal);
afterEach(removeAll);

function options(overrides: Partial<DisposeOptions> = {}): DisposeOptions {
  return {
    job: 'job1',
    inbox: join(root, 'inbox'),
    pin,
    relative: 'trip/clip.mov',
    policy: 'archive',
    archiveDir: join(root, 'archive'),
    beforeMove: async to => void intended.push(to),
    files: nodeFiles,
    log: silentLogger,
    ...overrides,
  };
}

describe('an original', () => {
  test('is kept if the folder says so, without being read', async () => {
    const files = new FailingFiles();
    expect(await disposeOriginal(options({ policy: 'keep', files }))).toEqual({ kind: 'kept' });
    expect(files.calls).toEqual([]);
  });

  test('is archived with its sub-folder, the name journaled first, both folders synced', async () => {
    const files = new FailingFiles();
    const to = join(root, 'archive/trip/clip.mov');
    expect(await disposeOriginal(options({ files }))).toEqual({ kind: 'archived', to });
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
    expect(intended).toEqual([to]);
    expect(String(statSync(to, { bigint: true }).ino)).toBe(pin.ino);
    // Was: the old name went first, and a power cut could have left neither.
    const steps = files.changes.map(({ operation, path }) => `${operation} ${path.slice(root.length)}`);
    expect(steps.filter(step => /sync|link/.test(step))).toEqual([
      'sync folder /archive',
      'link /archive/trip/clip.mov',
      'sync folder /archive/trip',
      'unlink /inbox/trip/clip.mov',
      'sync folder /archive/trip',
      'sync folder /inbox/trip',
    ]);
  });

  test('that a crash left two names loses the old one when the new one is there to stay', async () => {
    mkdirSync(join(root, 'archive/trip'));
    const to = join(root, 'archive/trip/clip.mov');
    linkSync(source, to);
    const files = new FailingFiles();
    expect(await disposeOriginal(options({ files, intended: to }))).toEqual({ kind: 'archived', to });
    const steps = files.changes.map(({ operation, path }) => `${operation} ${path.slice(root.length)}`);
    expect(steps.filter(step => /sync|link \/inbox/.test(step))).toEqual([
      'sync folder /archive/trip',
      'unlink /inbox/trip/clip.mov',
      'sync folder /inbox/trip',
    ]);
  });

  test('is deleted, and the folder synced', async () => {
    const files = new FailingFiles();
    expect(await disposeOriginal(options({ policy: 'delete', files }))).toEqual({ kind: 'deleted' });
    expect(filesBelow(root)).toEqual([]);
    expect(files.calls.at(-2)).toEqual({ operation: 'sync folder', path: join(root, 'inbox/trip') });
  });

  test('that is not there any more is missing, not deleted by us', async () => {
    rmSync(source);
    expect(await disposeOriginal(options({ policy: 'delete' }))).toEqual({ kind: 'missing' });
    expect(await disposeOriginal(options())).toEqual({ kind: 'missing' });
  });

  test('gets a number in an archive that has another of its name, in whatever case', async () => {
    mkdirSync(join(root, 'archive/trip'));
    writeFileSync(join(root, 'archive/trip/CLIP.mov'), 'older');
    const disposal = await disposeOriginal(options());
    expect(disposal).toEqual({ kind: 'archived', to: join(root, 'archive/trip/clip (2).mov') });
    expect(filesBelow(join(root, 'archive'))).toEqual(['trip/CLIP.mov: 5', 'trip/clip (2).mov: 5000']);
  });

  test('is not put into an archive that is not mounted', async () => {
    rmSync(join(root, 'archive'), { recursive: true });
    await expect(disposeOriginal(options())).rejects.toMatchObject({ code: 'unavailable' });
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
  });

  test('was lost when the archive had become a link into the working files, which a start sweeps', async () => {
    mkdirSync(join(root, 'state/work'), { recursive: true });
    rmSync(join(root, 'archive'), { recursive: true });
    symlinkSync(join(root, 'state/work'), join(root, 'archive'));
    const disposal = disposeOriginal(options({ forbidden: [join(root, 'state')] }));
    await expect(disposal).rejects.toMatchObject({ code: 'denied' });
    expect(filesBelow(root)).toContain('inbox/trip/clip.mov: 5000');
  });

  test('that may be linked but not removed keeps its one name', async () => {
    const files = new FailingFiles().fail('unlink', 'EACCES', { on: 'inbox/trip/clip.mov' });
    await expect(disposeOriginal(options({ files }))).rejects.toMatchObject({ code: 'denied' });
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
  });

  test('is archived by the next try where the disk failed once to remove the old name', async () => {
    const files = new FailingFiles().fail('unlink', 'EIO', { on: 'inbox/trip/clip.mov' });
    await expect(disposeOriginal(options({ files }))).rejects.toMatchObject({ code: 'io' });
    const to = join(root, 'archive/trip/clip.mov');
    expect(await disposeOriginal(options({ intended: intended.at(-1) }))).toEqual({ kind: 'archived', to });
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
  });

  // Was: it stayed for good, with a note that there was no such file.
  test.each(['EINVAL', 'ENOENT'])(
    'is archived under a portable name by a disk that refuses its own (%s)',
    async errno => {
      renameSync(source, join(root, 'inbox/trip/what?.mov'));
      pin = await pinOf(join(root, 'inbox/trip/what?.mov'));
      const files = new FailingFiles().fail('link', errno, { on: 'what?.mov', forever: true });
      const to = join(root, 'archive/trip/what_.mov');
      const disposal = await disposeOriginal(options({ files, relative: 'trip/what?.mov' }));
      expect(disposal).toEqual({ kind: 'archived', to });
      expect(filesBelow(root)).toEqual(['archive/trip/what_.mov: 5000']);
      expect(intended.at(-1)).toBe(to);
    },
  );

  test('is moved by rename where there are no links', async () => {
    const files = new FailingFiles().fail('link', 'ENOTSUP');
    await disposeOriginal(options({ files }));
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
  });

  test('is archived once by a share that links and loses the answer', async () => {
    const link: typeof nodeFiles.link = async (from, to) => {
      await nodeFiles.link(from, to);
      return nodeFiles.link(from, to);
    };
    await disposeOriginal(options({ files: { ...nodeFiles, link } }));
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
  });

  test('is kept when its rename fails, even if the disk lies about it', async () => {
    const lost = new FailingFiles().fail('link', 'ENOTSUP');
    const rename = lost.rename;
    lost.rename = async (from, to) => {
      await rename(from, to);
      throw Object.assign(new Error('EIO: the answer was lost'), { code: 'EIO' });
    };
    await expect(disposeOriginal(options({ files: lost }))).rejects.toMatchObject({ code: 'io' });
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
    expect(await disposeOriginal(options({ intended: intended.at(-1) }))).toMatchObject({ kind: 'archived' });
  });
});

describe('a copy on the disk of the archive', () => {
  test('that reads back differently is thrown away, and the original stays', async () => {
    const files = new FailingFiles().fail('link', 'EXDEV');
    const open = files.open;
    files.open = async (path, flags, mode) => {
      const handle = await open(path, flags, mode);
      const write: typeof handle.write = (_buffer, _offset, length, position) =>
        handle.write(Buffer.alloc(length), 0, length, position);
      return { ...handle, write };
    };
    await expect(disposeOriginal(options({ files }))).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('the original was kept'),
    });
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
  });

  test("that an earlier try left half done is in nobody's way", async () => {
    mkdirSync(join(root, 'archive/trip'));
    writeFileSync(join(root, 'archive/trip/.shrinkbox-job1.part'), 'half');
    await disposeOriginal(options({ files: new FailingFiles().fail('link', 'EXDEV') }));
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
  });
});

/** With an access list and an attribute; undefined where this file system or machine has none. */
function withAccessList(path: string): boolean {
  const given = (command: string, ...args: string[]) => spawnSync(command, [...args, path]).status === 0;
  return given('setfacl', '-m', 'u:4711:---') && given('setfattr', '-n', 'user.rating', '-v', 'five');
}

const hasAccessLists = (() => {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-acl-'));
  writeFileSync(join(dir, 'x'), '');
  const has = withAccessList(join(dir, 'x'));
  rmSync(dir, { recursive: true });
  return has;
})();

// Needs setfacl and setfattr, and a temporary folder on a file system that has them.
describe.skipIf(!hasAccessLists)('an original with an access list, archived on another disk', () => {
  beforeEach(async () => {
    chmodSync(source, 0o640);
    withAccessList(source);
    pin = await pinOf(source);
  });

  // Was: whoever it shut out could read the archived one, and nothing said so.
  test('keeps it, and its attributes', async () => {
    await disposeOriginal(options({ files: new FailingFiles().fail('link', 'EXDEV') }));
    const archived = join(root, 'archive/trip/clip.mov');
    expect(String(execFileSync('getfacl', ['-cpn', archived]))).toContain('user:4711:---');
    expect(String(execFileSync('getfattr', ['-d', '--absolute-names', archived]))).toContain('user.rating="five"');
    expect(statSync(archived).mode & 0o777).toBe(0o640);
    expect(statSync(archived).mtimeMs).toBe(1_500_000_000_000);
  });

  // Only root may mount a disk that knows no access lists.
  test.skipIf(!canMount)('that has none, can be read by its owner alone, and a note says so', async () => {
    const mount = await mountedOver(join(root, 'archive'), 'ramfs');
    const notes: string[] = [];
    await disposeOriginal(options({ onNote: ({ code }) => void notes.push(code) }));
    expect(statSync(join(root, 'archive/trip/clip.mov')).mode & 0o777).toBe(0o600);
    expect(notes).toEqual(['deliver.access-and-attributes-lost']);
    await mount.end();
  });
});

// Was: whoever a long list shut out could read the copy on a disk with room for a short one, and nothing said so.
test.skipIf(!canMount || !hasAccessLists)('a list that is too long for the other disk lets nobody in', async () => {
  const mount = await mountedOver(join(root, 'inbox/trip'), 'tmpfs');
  writeFileSync(source, CONTENT, { mode: 0o644 });
  const shutOut = Array.from({ length: 800 }, (_, n) => `u:${4711 + n}:---`);
  execFileSync('setfacl', ['-M', '-', source], { input: shutOut.join('\n') });
  pin = await pinOf(source);
  const notes: string[] = [];
  await disposeOriginal(options({ pin, onNote: ({ code }) => void notes.push(code) }));
  const archived = join(root, 'archive/trip/clip.mov');
  const isKept = String(execFileSync('getfacl', ['-cpn', archived])).includes('user:4711:---');
  const mode = statSync(archived).mode & 0o777;
  expect(isKept ? { mode: 0o600, notes: ['deliver.access-lost'] } : { mode, notes }).toEqual({
    mode: 0o600,
    notes: ['deliver.access-lost'],
  });
  await mount.end();
});

test('a copy can be read by nobody else until it is whole', async () => {
  chmodSync(source, 0o644);
  pin = await pinOf(source);
  const files = new FailingFiles().fail('link', 'EXDEV');
  const { open } = files;
  const modes: (number | undefined)[] = [];
  files.open = (path, how, mode) => {
    if (how === 'wx') modes.push(mode);
    return open(path, how, mode);
  };
  await disposeOriginal(options({ files }));
  expect(modes[0]).toBe(0o600);
  expect(statSync(join(root, 'archive/trip/clip.mov')).mode & 0o777).toBe(0o644);
});

describe('a source that is not what was processed', () => {
  const CHANGES: [string, () => void][] = [
    ['was written to', () => writeFileSync(source, pattern(5000, 'newer'))],
    ['grew', () => writeFileSync(source, 'more', { flag: 'a' })],
    [
      'was written to and dated back',
      () => {
        const { ctimeNs } = statSync(source, { bigint: true });
        do {
          writeFileSync(source, pattern(5000, 'newer'));
          utimesSync(source, 1_500_000_000, 1_500_000_000);
        } while (statSync(source, { bigint: true }).ctimeNs === ctimeNs);
      },
    ],
    [
      'was replaced',
      () => {
        rmSync(source);
        writeFileSync(source, CONTENT);
      },
    ],
    [
      'became a link',
      () => {
        rmSync(source);
        symlinkSync('/etc/hostname', source);
      },
    ],
  ];
  test.each(CHANGES)('because it %s is left alone', async (_how, change) => {
    change();
    for (const policy of ['archive', 'delete'] as const) {
      await expect(disposeOriginal(options({ policy }))).rejects.toMatchObject({ code: 'changed-underneath' });
    }
    expect(existsSync(source)).toBe(true);
    expect(filesBelow(join(root, 'archive'))).toEqual([]);
  });

  test('since the move was journaled is left alone', async () => {
    const beforeMove = async () => writeFileSync(source, 'newer');
    await expect(disposeOriginal(options({ beforeMove }))).rejects.toMatchObject({ code: 'changed-underneath' });
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5']);
  });

  test('since it was copied to another disk is left alone, and the copy goes', async () => {
    const files = new FailingFiles().fail('link', 'EXDEV');
    const open = files.open;
    files.open = async (path, flags, mode) => {
      const handle = await open(path, flags, mode);
      if (flags === 'wx') writeFileSync(source, pattern(5000, 'newer'));
      return handle;
    };
    await expect(disposeOriginal(options({ files }))).rejects.toMatchObject({ code: 'changed-underneath' });
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
  });

  test('that takes its place while it is moved stays', async () => {
    const link: typeof nodeFiles.link = async (from, to) => {
      await nodeFiles.link(from, to);
      rmSync(from);
      writeFileSync(from, 'newer');
    };
    const disposal = await disposeOriginal(options({ files: { ...nodeFiles, link } }));
    expect(disposal.kind).toBe('archived');
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000', 'inbox/trip/clip.mov: 5']);
  });

  test('since a crash left it two names loses the archived one and keeps its own', async () => {
    mkdirSync(join(root, 'archive/trip'));
    const to = join(root, 'archive/trip/clip.mov');
    linkSync(source, to);
    writeFileSync(source, pattern(5000, 'newer'));
    await expect(disposeOriginal(options({ intended: to }))).rejects.toMatchObject({ code: 'changed-underneath' });
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
  });

  test('nor is another file that took the archived name its copy', async () => {
    mkdirSync(join(root, 'archive/trip'));
    const to = join(root, 'archive/trip/clip.mov');
    writeFileSync(to, pattern(5000, 'somebody else'));
    const disposal = await disposeOriginal(options({ intended: to }));
    expect(disposal).toEqual({ kind: 'archived', to: join(root, 'archive/trip/clip (2).mov') });
    expect(read(to).equals(pattern(5000, 'somebody else'))).toBe(true);
  });
});

describe('a crash at any step of archiving, then a second run', () => {
  const DISKS: [string, () => Files][] = [
    ['on one file system', () => nodeFiles],
    ['on one without links', () => new FailingFiles().fail('link', 'EPERM', { forever: true })],
    // Between two, only the link from the inbox fails; inside the archive links work.
    ['between two', () => acrossTwo()],
  ];
  test.each(DISKS)('%s: exactly one whole original, in the archive', async (_which, disk) => {
    for (let at = 1; ; at++) {
      removeAll();
      await aNewOriginal();
      const files = new FailingFiles(disk()).crashAt(at);
      const beforeMove = async (to: string) => {
        await files.note('journal', to);
        intended.push(to);
      };
      const outcome = await disposeOriginal(options({ files, beforeMove })).catch(error => {
        if (!isShrinkError(error) && !files.hasCrashed) throw error;
        return undefined;
      });
      if (outcome) {
        expect(at).toBeGreaterThan(6);
        return;
      }
      const when = `crash at change ${at}, ${files.changes[at - 1]?.operation}`;
      const whole = filesBelow(root).filter(line => line.endsWith('.mov: 5000'));
      expect(whole.length, when).toBeGreaterThanOrEqual(1);
      const second = await disposeOriginal(options({ files: disk(), intended: intended.at(-1) }));
      expect(second, when).toEqual({ kind: 'archived', to: join(root, 'archive/trip/clip.mov') });
      expect(filesBelow(root), when).toEqual(['archive/trip/clip.mov: 5000']);
      expect(read(root, 'archive/trip/clip.mov').equals(CONTENT), when).toBe(true);
    }
  });

  function acrossTwo(): Files {
    const sides = (path: string) => (namedPath(path).includes('/archive/') ? 'archive' : 'inbox');
    const check = async (from: string, to: string) => {
      if (sides(from) !== sides(to)) throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' });
    };
    return {
      ...nodeFiles,
      link: async (from, to) => check(from, to).then(() => nodeFiles.link(from, to)),
      rename: async (from, to) => check(from, to).then(() => nodeFiles.rename(from, to)),
    };
  }
});

test('an original nobody may write is archived with its mode', async () => {
  chmodSync(source, 0o444);
  pin = await pinOf(source);
  await disposeOriginal(options());
  expect(statSync(join(root, 'archive/trip/clip.mov')).mode & 0o777).toBe(0o444);
});
