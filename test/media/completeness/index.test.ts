import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { extensionOf, VIDEO_EXTENSIONS } from '../../../src/core/file-names.ts';
import type { FootageName } from '../../support/footage.ts';
import { clip, walk } from './support.ts';

const CLIPS = ['plain', 'faststart', 'fragmented', 'rotated', 'odd', 'webm', 'avi'] as const satisfies FootageName[];

describe.each(CLIPS)('a file like %s', name => {
  let whole: Buffer;
  beforeAll(async () => {
    whole = await clip(name);
  });

  it('is complete as it was made, found out by a few small reads', async () => {
    const said = await walk(whole);
    expect(said.kind).toBe('complete');
    expect(said.bytesRead).toBeLessThan(64 * 1024);
  });

  it.each([1, 10, 50, 95, 99])('is truncated at %d %', async percent => {
    const said = await walk(whole.subarray(0, Math.floor((whole.length * percent) / 100)));
    expect(said).toMatchObject({ kind: 'truncated', why: { text: expect.stringMatching(/^[a-z ]/) } });
  });

  it('is not complete a single byte short', async () => {
    expect((await walk(whole.subarray(0, -1))).kind).toBe('truncated');
  });

  it.each([10, 50, 95])('is not complete with its space allocated but not written after %d %', async percent => {
    const bytes = Buffer.from(whole);
    bytes.fill(0, Math.floor((bytes.length * percent) / 100));
    expect((await walk(bytes)).kind).toMatch(/truncated|suspect/);
  });
});

const corpus = process.env['SHRINKBOX_CORPUS'];
const realFiles = corpus ? readdirSync(corpus).filter(name => VIDEO_EXTENSIONS.has(extensionOf(name))) : [];

describe.each(realFiles)('real footage: %s', name => {
  it('is complete, or its format has no such arithmetic; cut in half it is not complete', async () => {
    const bytes = await readFile(join(corpus ?? '', name));
    expect((await walk(bytes)).kind).toMatch(/^(complete|unknown)$/);
    expect((await walk(bytes.subarray(0, bytes.length / 2))).kind).toMatch(/^(truncated|unknown)$/);
  });
});

describe('space that is allocated and not written to (was: the half that is there was delivered as a film)', () => {
  it.each([
    ['AVI', 'avi', 0],
    ['MPEG-TS', 'transport', 188],
  ] as const)('at the end of %s is a reason to wait for long', async (_name, from, packetBytes) => {
    const whole = await clip(from);
    const half = Math.floor(whole.length / 2);
    const bytes = Buffer.from(whole).fill(0, packetBytes ? half - (half % packetBytes) : half);
    expect(await walk(bytes)).toMatchObject({ kind: 'suspect', hasEmptyEnd: true });
  });

  it('at the end of what says nothing of its length, too', async () => {
    const bytes = Buffer.concat([Buffer.from('raw video of some kind '.repeat(1000)), Buffer.alloc(50_000)]);
    expect(await walk(bytes)).toMatchObject({ kind: 'suspect', hasEmptyEnd: true });
  });
});

describe('a file of no known container', () => {
  it('is unknown where it is text', async () => {
    expect((await walk(Buffer.from('#EXTM3U\nnot a video\n'.repeat(20)))).kind).toBe('unknown');
  });

  it('is truncated where its space is only allocated', async () => {
    expect((await walk(Buffer.alloc(100_000))).kind).toBe('truncated');
  });
});
