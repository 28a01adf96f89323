import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Files, nodeFiles } from '../../../src/platform/files/files.ts';
import { diskSpace, missingBytes, SpaceBook } from '../../../src/platform/files/space.ts';

const MB = 1e6;
const GB = 1e9;
const none = { bytes: 0, share: 0 };

describe('what is missing', () => {
  test.each([
    ['nothing, where it just fits', 10 * GB, 2 * GB, 1 * GB, none, 1 * GB, 0],
    ['what does not fit', 10 * GB, 2 * GB, 1 * GB, none, 1 * GB + 1, 1],
    ['what others have set aside counts', 10 * GB, 2 * GB, 1.9 * GB, none, 300 * MB, 200 * MB],
    ['what stays free counts, in bytes', 10 * GB, 1 * GB, 0, { bytes: 64 * MB, share: 0 }, 1 * GB, 64 * MB],
    ['as a share, where that is more', 10 * GB, 1 * GB, 0, { bytes: 64 * MB, share: 0.01 }, 1 * GB, 100 * MB],
    ['a disk below its floor has nothing', 10 * GB, 50 * MB, 0, { bytes: 64 * MB, share: 0.01 }, 1, 50 * MB + 1],
    ['a disk that tells no size is trusted', 0, 0, 0, { bytes: 64 * MB, share: 0.01 }, 1 * GB, 0],
  ])('%s', (_what, totalBytes, freeBytes, reserved, minFree, wanted, missing) => {
    expect(missingBytes({ totalBytes, freeBytes }, reserved, minFree, wanted)).toBe(missing);
  });
});

describe('the book of space', () => {
  let root: string;
  let work: string;
  let outbox: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'shrinkbox-space-'));
    work = join(root, 'work');
    outbox = join(root, 'outbox');
    for (const dir of [work, outbox]) mkdirSync(dir);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** One disk of 10 GB with `free` bytes free; folders named `other` are on a second one. */
  function disk(free: number): Files {
    return {
      ...nodeFiles,
      stat: async path => Object.assign(await nodeFiles.stat(path), path.includes('other') ? { dev: 99n } : {}),
      statfs: async () => ({ type: 0, bsize: 1, blocks: 10 * GB, bfree: free, bavail: free, files: 0, ffree: 0 }),
    };
  }
  const book = (free: number) => new SpaceBook({ files: disk(free), minFree: none });

  test('says what is missing, in words', async () => {
    await expect(book(900 * MB).reserve(outbox, 1.2 * GB, 'a')).rejects.toMatchObject({
      code: 'no-space',
      message: `${outbox} needs 1.20 GB of free space and is 300 MB short`,
      hint: expect.stringContaining('continues by itself'),
    });
  });

  test('counts folders of one disk together, and forgets a job when it is released', async () => {
    const space = book(1 * GB);
    await space.reserve(work, 600 * MB, 'a');
    await expect(space.reserve(outbox, 500 * MB, 'b')).rejects.toMatchObject({ code: 'no-space' });
    space.release('a');
    await space.reserve(outbox, 500 * MB, 'b');
  });

  test('keeps disks apart', async () => {
    const space = book(1 * GB);
    const other = join(root, 'other');
    mkdirSync(other);
    await space.reserve(work, 1 * GB, 'a');
    await space.reserve(other, 1 * GB, 'b');
  });

  test("counts a job's own folders on one disk together", async () => {
    const space = book(1 * GB);
    await space.reserve(work, 600 * MB, 'a');
    await expect(space.reserve(outbox, 500 * MB, 'a')).rejects.toMatchObject({ code: 'no-space' });
  });

  test('a job that asks again has what it asks for, not both', async () => {
    const space = book(1 * GB);
    await space.reserve(work, 600 * MB, 'a');
    await space.reserve(work, 900 * MB, 'a');
    await expect(space.reserve(work, 200 * MB, 'b')).rejects.toMatchObject({ code: 'no-space' });
  });

  test('two jobs that ask at once do not get the same bytes', async () => {
    const space = book(1 * GB);
    const both = await Promise.allSettled([space.reserve(work, 600 * MB, 'a'), space.reserve(outbox, 600 * MB, 'b')]);
    expect(both.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('what was refused is not set aside', async () => {
    const space = book(1 * GB);
    await expect(space.reserve(work, 2 * GB, 'a')).rejects.toThrow();
    await space.reserve(work, 1 * GB, 'b');
  });

  test('a folder that is missing is unavailable, not full', async () => {
    await expect(book(1 * GB).reserve(join(root, 'nowhere'), 1, 'a')).rejects.toMatchObject({ code: 'unavailable' });
  });

  // statfs types; rclone of Debian 12 always counts no free inodes.
  test.each([
    ['FUSE, where it is made up', 0x65735546, false],
    ['ext4', 0xef53, true],
  ])('no free inodes on %s', async (_, type, isFull) => {
    const counted = { type, bsize: 1, blocks: 10 * GB, bfree: GB, bavail: GB, files: 1e9, ffree: 0 };
    const space = new SpaceBook({ files: { ...nodeFiles, statfs: async () => counted }, minFree: none });
    const reserved = space.reserve(outbox, 1, 'a').then(
      () => 'reserved',
      error => error.code,
    );
    expect(await reserved).toBe(isFull ? 'no-space' : 'reserved');
  });

  test('a real disk is asked', async () => {
    const space = await diskSpace(work, nodeFiles);
    expect(space.freeBytes).toBeGreaterThan(0);
    expect(space.totalBytes).toBeGreaterThanOrEqual(space.freeBytes);
    const minFree = { bytes: 0, share: 1 };
    const full = new SpaceBook({ files: nodeFiles, minFree });
    await expect(full.reserve(work, 1, 'a')).rejects.toMatchObject({ code: 'no-space' });
  });
});
