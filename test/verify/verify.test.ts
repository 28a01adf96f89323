import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
import type { Candidate, Expectation } from '../../src/core/job.ts';
import { startsFast, topBoxes } from '../../src/media/mp4-boxes.ts';
import { activeChildren } from '../../src/platform/process/run-child.ts';
import { verifyCandidate } from '../../src/verify/verify.ts';
import { footage, footageCopy, type FootageName, realTools } from '../support/footage.ts';
import { ownFile } from '../../src/platform/files/files.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shrinkbox-verify-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
  expect(activeChildren()).toEqual([]);
});

async function candidate(
  name: FootageName,
  expected: Partial<Expectation> = {},
  more: Partial<Candidate> = {},
): Promise<Candidate> {
  const path = await footageCopy(name, directory);
  return await candidateAt(path, expected, more);
}

async function candidateAt(
  path: string,
  expected: Partial<Expectation> = {},
  more: Partial<Candidate> = {},
): Promise<Candidate> {
  const bytes = (await stat(path)).size;
  return {
    path,
    isSource: false,
    bytes,
    expect: { videoCodecs: ['h264'], ...expected },
    how: 'made for a test',
    notes: ['a note'],
    ...more,
  };
}

/** Where the sound lies in a file, in bytes. */
async function soundPackets(path: string): Promise<{ pos: number; size: number }[]> {
  const args = ['-v', 'error', '-select_streams', 'a', '-show_entries', 'packet=pos,size', '-of', 'json', path];
  const { stdout } = await promisify(execFile)('ffprobe', args);
  const { packets } = JSON.parse(stdout) as { packets: { pos: string; size: string }[] };
  return packets.map(({ pos, size }) => ({ pos: Number(pos), size: Number(size) }));
}

async function failure(promise: Promise<unknown>): Promise<ShrinkError> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ShrinkError);
  return error as ShrinkError;
}

describe('a candidate that keeps its promise', () => {
  it('is verified, with its hash and what was seen as evidence', async () => {
    const one = await candidate('faststart', {
      maxBytes: 5_000_000,
      durationS: 6,
      width: 640,
      height: 360,
      frames: 180,
      audioTracks: 1,
      subtitleTracks: 0,
    });
    const fractions: number[] = [];
    const verified = await verifyCandidate(one, {
      tools: await realTools(),
      onProgress: fraction => fractions.push(fraction),
    });
    expect(verified).toMatchObject(one);
    expect(verified.sha256).toBe(
      createHash('sha256')
        .update(await readFile(one.path))
        .digest('hex'),
    );
    expect(verified.evidence).toBe(`decoded 180 frames, 6.00 s, 640x360 h264, ${one.bytes} bytes`);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
  });

  it('is described and decoded by one child: nothing but ffprobe is started (issue 4)', async () => {
    const tools = { ...(await realTools()), ffmpeg: join(directory, 'no-ffmpeg') };
    const one = await candidate('faststart', { width: 640, height: 360, frames: 180 });
    expect((await verifyCandidate(one, { tools })).evidence).toContain('decoded 180 frames');
  });

  it('may be the source itself, with its index at the end', async () => {
    const one = await candidate('plain', {}, { isSource: true });
    expect((await verifyCandidate(one, { tools: await realTools() })).isSource).toBe(true);
  });
});

describe('one that does not', () => {
  it('is refused with everything that is wrong', async () => {
    const one = await candidate('plain', { maxBytes: 1_000, durationS: 12, audioTracks: 2, videoCodecs: ['av1'] });
    const error = await failure(verifyCandidate(one, { tools: await realTools() }));
    expect(error.code).toBe('verify-failed');
    for (const part of [
      'more than the 1000 allowed',
      '6.000 s instead of 12.000 s',
      '1 sound track instead of 2',
      'codec is h264; expected av1',
      'index does not come first',
    ]) {
      expect(error.message).toContain(part);
    }
    expect(error.hint).toMatch(/original is untouched/);
  });

  it('was cut off after it was made', async () => {
    const one = await candidate('faststart');
    await truncate(one.path, Math.floor(one.bytes * 0.7));
    const error = await failure(verifyCandidate(one, { tools: await realTools() }));
    expect(error.code).toBe('verify-failed');
    expect(error.message).toMatch(/its end is missing/);
  });

  it('has a damaged spot in its middle, though every packet is there', async () => {
    const error = await failure(
      verifyCandidate(await candidate('damaged', { frames: 180 }), { tools: await realTools() }),
    );
    expect(error.code).toBe('verify-failed');
    expect(error.message).toMatch(/does not play to the end|reported|can be decoded/);
  });

  it('has a damaged spot in its sound, though its picture is whole', async () => {
    const one = await candidate('faststart', { frames: 180, audioTracks: 1 });
    const bytes = await readFile(one.path);
    for (const { pos, size } of (await soundPackets(one.path)).slice(40, 60)) bytes.fill(0xff, pos, pos + size);
    await writeFile(one.path, bytes);
    const error = await failure(verifyCandidate(one, { tools: await realTools() }));
    expect(error.code).toBe('verify-failed');
    expect(error.message).toMatch(/does not play to the end|reported/);
  });

  it('is no video at all', async () => {
    const path = join(directory, 'out.mp4');
    await writeFile(path, 'oops');
    expect((await failure(verifyCandidate(await candidateAt(path), { tools: await realTools() }))).code).toBe(
      'verify-failed',
    );
  });

  it('is not there any more: that is about the file, not about its content', async () => {
    const one = await candidate('tiny');
    await rm(one.path);
    expect((await failure(verifyCandidate(one, { tools: await realTools() }))).code).toBe('gone');
  });

  it('stops on request', async () => {
    const stop = new AbortController();
    const one = await candidate('plain');
    const promise = verifyCandidate(one, {
      tools: await realTools(),
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect((await failure(promise)).code).toBe('cancelled');
  });
});

describe('the layout of an MP4', () => {
  const layouts: [FootageName, boolean][] = [
    ['faststart', true],
    ['plain', false],
    ['fragmented', true],
  ];
  it.each(layouts)('%s starts fast: %s', async (name, expected) => {
    const { boxes, bytes } = await topBoxes(ownFile(await footage(name)));
    expect(startsFast(boxes)).toBe(expected);
    expect(boxes.reduce((sum, box) => sum + box.bytes, 0)).toBe(bytes);
  });

  it('the brand is read, and what is no box ends the list', async () => {
    expect((await topBoxes(ownFile(await footage('rotated')))).brand).toBe('isom');
    expect((await topBoxes(ownFile(await footage('timecode')))).brand).toBe('qt  ');
    expect((await topBoxes(ownFile(await footage('picture')))).boxes).toEqual([]);
    expect(basename(await footage('cutShort'))).toBe('cut-short.mp4');
    const cut = await topBoxes(ownFile(await footage('cutShort')));
    expect(cut.boxes.map(box => box.type)).toEqual(['ftyp', 'free']);
  });
});
