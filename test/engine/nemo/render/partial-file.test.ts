import { type FileHandle, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PartialFile } from '../../../../src/engine/nemo/render/partial-file.ts';
import { silentLogger } from '../../../../src/platform/log.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nemo-part-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** 40 MB in pieces of many sizes, each byte telling where it belongs. */
const whole = Buffer.alloc(40_000_000);
for (let at = 0; at + 4 <= whole.length; at += 4) whole.writeUInt32BE(at, at);

function* pieces(): Generator<Buffer> {
  for (let at = 0, n = 1; at < whole.length; n += 1) {
    const bytes = (n * 37_123) % 262_144;
    yield whole.subarray(at, at + bytes);
    at += bytes;
  }
}

describe('a download on its way to the disk', () => {
  it.each([
    ['a disk that takes it at once', () => 0],
    // Every look at the clock is half a minute after the one before.
    ['a disk that is always behind', later(() => 30_000)],
    ['a disk that is behind now and then', later(n => (n % 60 === 1 ? 30_000 : 0))],
  ])('is there byte for byte: %s', async (_, monotonic) => {
    const partial = await PartialFile.open(join(dir, 'x.part'), 'x', monotonic);
    for (const piece of pieces()) await partial.append(piece);
    await partial.flush();
    expect(partial.bytes).toBe(whole.length);
    await partial.publish(join(dir, 'x.mp4'), silentLogger);
    await partial.close();
    expect((await readFile(join(dir, 'x.mp4'))).equals(whole)).toBe(true);
  });

  it('asks to be waited for only where the disk is far behind', async () => {
    const partial = await PartialFile.open(
      join(dir, 'x.part'),
      'x',
      later(() => 30_000),
    );
    const waits: boolean[] = [];
    for (const piece of pieces()) waits.push(partial.append(piece) !== undefined);
    expect(waits.indexOf(true)).toBeGreaterThan(30);
    await partial.flush();
    await partial.close();
    expect((await readFile(join(dir, 'x.part'))).equals(whole)).toBe(true);
  });

  it.each([
    ['on the way', 'datasync', 0],
    ['on the way, and it is behind', 'datasync', 30_000],
    ['at the end', 'sync', 0],
  ] as const)('is neither kept nor gone on with when the disk lost a part of it %s', async (_, syncs, byMs) => {
    const partial = await PartialFile.open(
      join(dir, 'x.part'),
      'x',
      later(() => byMs),
    );
    await partial.begin(200, { etag: '"1"', 'content-length': String(whole.length) });
    const lost = Object.assign(new Error(`EIO: i/o error, ${syncs}`), { code: 'EIO' });
    // The system says so once: asked again, it says that everything is there, and reads as if it were.
    const failing = vi.spyOn(await fileHandles(), syncs).mockRejectedValueOnce(lost);
    try {
      await expect(keep(partial)).rejects.toMatchObject({ code: 'io' });
      expect(failing).toHaveBeenCalledTimes(1);
    } finally {
      failing.mockRestore();
      await partial.close();
    }
    expect(await readdir(dir)).toEqual([]);
  });

  it('that cannot be started again says so as a failing disk (was: an error in shrinkbox itself)', async () => {
    const partial = await PartialFile.open(join(dir, 'x.part'), 'x');
    const lost = Object.assign(new Error('EIO: i/o error, ftruncate'), { code: 'EIO' });
    const failing = vi.spyOn(await fileHandles(), 'truncate').mockRejectedValueOnce(lost);
    try {
      await expect(partial.begin(200, {})).rejects.toMatchObject({ code: 'io', doing: 'restarting the download' });
    } finally {
      failing.mockRestore();
      await partial.close();
    }
  });

  async function keep(partial: PartialFile): Promise<void> {
    for (const piece of pieces()) await partial.append(piece);
    await partial.flush();
    await partial.publish(join(dir, 'x.mp4'), silentLogger);
  }

  /** What all of them have in common. */
  async function fileHandles(): Promise<FileHandle> {
    const handle = await open(dir);
    await handle.close();
    return Object.getPrototypeOf(handle) as FileHandle;
  }
});

function later(byMs: (n: number) => number): () => number {
  let now = 0;
  let n = 0;
  return () => {
    n += 1;
    now += byMs(n);
    return now;
  };
}
