import { createHash } from 'node:crypto';
import { linkSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { samePin } from '../../../src/core/job.ts';
import { fingerprint, nodeFiles, ownFile, pinOf, reading } from '../../../src/platform/files/files.ts';
import { pattern } from '../../support/delivery.ts';

const MIB = 2 ** 20;
let dir: string;
const at = (name: string) => join(dir, name);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the identity of a file', () => {
  test('is the same until somebody touches it, and survives JSON', async () => {
    writeFileSync(at('a'), 'x');
    const pin = await pinOf(at('a'));
    expect(JSON.parse(JSON.stringify(await pinOf(at('a'))))).toEqual(pin);
    expect(pin).toMatchObject({ sizeBytes: 1, ino: String(statSync(at('a'), { bigint: true }).ino) });
    linkSync(at('a'), at('b'));
    expect(samePin(await pinOf(at('a')), pin)).toBe(false);
  });

  test('of a link is its own', async () => {
    writeFileSync(at('a'), 'x');
    symlinkSync('a', at('link'));
    expect((await pinOf(at('link'))).ino).not.toBe((await pinOf(at('a'))).ino);
  });

  test('of nothing is gone', async () => {
    await expect(pinOf(at('nothing'))).rejects.toMatchObject({ code: 'gone', subject: at('nothing') });
  });
});

const printOf = (path: string, bytes: number, files = nodeFiles) =>
  reading(ownFile(path, files), file => fingerprint(file, bytes));

describe('a fingerprint', () => {
  test('is that of size and whole content up to 16 MiB', async () => {
    const content = pattern(MIB + 7, 'small');
    writeFileSync(at('a'), content);
    const expected = createHash('sha256').update(`${content.length}\n`).update(content).digest('hex').slice(0, 32);
    expect(await printOf(at('a'), content.length)).toBe(expected);
  });

  test('stays when the file is renamed, and differs with any byte of a small one', async () => {
    writeFileSync(at('a'), 'same');
    writeFileSync(at('b'), 'same');
    writeFileSync(at('c'), 'sama');
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(name => printOf(at(name), 4)));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  test('of a large file reads 5.5 MiB of it: both ends, and samples between that leave no gap above a thirteenth', async () => {
    const bytes = 400 * MIB;
    const file = await open(at('big'), 'w');
    await file.truncate(bytes);
    await file.close();
    const read: [number, number][] = [];
    const files = {
      ...nodeFiles,
      open: async (...args: Parameters<typeof nodeFiles.open>) => {
        const handle = await nodeFiles.open(...args);
        const noted: typeof handle.read = (buffer, offset, length, position) => {
          read.push([position, position + length]);
          return handle.read(buffer, offset, length, position);
        };
        return { ...handle, read: noted };
      },
    };
    const before = await printOf(at('big'), bytes, files);
    expect(read.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(5.5 * MIB);
    expect(read[0]).toEqual([0, MIB]);
    expect(read.at(-1)).toEqual([bytes - MIB, bytes]);
    const gaps = read.slice(1).map(([from], i) => from - (read[i]?.[1] ?? 0));
    expect(Math.min(...gaps)).toBe(0);
    expect(Math.max(...gaps)).toBeLessThan(bytes / 13);

    const changed = await open(at('big'), 'r+');
    await changed.write(Buffer.from('x'), 0, 1, (read[7]?.[0] ?? 0) + 100);
    await changed.close();
    expect(await printOf(at('big'), bytes)).not.toBe(before);
  });

  test('of a file that became shorter is none', async () => {
    writeFileSync(at('a'), 'xyz');
    await expect(printOf(at('a'), 4)).rejects.toMatchObject({ code: 'changed-underneath' });
  });

  test('differs when only the size does', async () => {
    writeFileSync(at('a'), '');
    expect(await printOf(at('a'), 0)).toMatch(/^[0-9a-f]{32}$/);
    const file = await open(at('big'), 'w');
    await file.truncate(20 * MIB);
    await file.close();
    expect(await printOf(at('big'), 20 * MIB)).not.toBe(await printOf(at('big'), 20 * MIB - 1));
  });
});
