/**
 * Films on a hardware encoder that is a stand-in (test/support/fake-gpu.ts): both classes into sizes, and everything that drivers do
 * wrong. SHRINKBOX_CORPUS and `npm run test:hardware` try real footage as well.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalEngineOptions } from '../../../src/engine/local/engine.ts';
import { recordingContext } from '../../contract/engine.ts';
import { bytes, engineFor, inWorkDir, orderFor, share, type Shrunk, shrink } from '../../engine/local/support.ts';
import { type FakeGpu, fakeGpu, type Fault, type Like } from '../../support/fake-gpu.ts';
import { realTools } from '../../support/footage.ts';

let dir = '';
let film = '';
const gpus = new Map<Like, FakeGpu>();
const { SHRINKBOX_CORPUS: corpus, SHRINKBOX_HARDWARE: all } = process.env;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-hardware-'));
  film = join(dir, 'film.mp4');
  const { ffmpeg } = await realTools();
  // Shapes that move at a changing pace, so that one pass has something to misjudge.
  const picture = 'testsrc2=size=320x180:rate=25:duration=16,rotate=t*t/40,noise=alls=4:allf=t';
  await promisify(execFile)(ffmpeg, [
    ...['-v', 'error', '-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=duration=16'],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-crf',
      '18',
      '-pix_fmt',
      'yuv420p',
      '-g',
      '50',
      '-c:a',
      'aac',
      film,
    ],
  ]);
  for (const like of ['abr', 'vbv', 'cbr', 'mpeg4', 'wild', 'cqp'] as const)
    gpus.set(like, await fakeGpu(join(dir, like), like));
});

afterAll(() => rm(dir, { recursive: true, force: true }));

const gpuLike = (like: Like): FakeGpu => gpus.get(like) as FakeGpu;

async function onGpu(
  like: Like,
  target: Parameters<typeof shrink>[1],
  more: Partial<LocalEngineOptions> = {},
  path = film,
) {
  const tools = await gpuLike(like).tools('vaapi');
  return await shrink({ path }, target, () => {}, { engine: { tools, ...more } });
}

const BY_PROCESSOR = /encoded by the processor: /;
const attempts = ({ candidate }: Shrunk): number =>
  Number(/again (\d) times/.exec(candidate.how)?.[1] ?? (/again/.test(candidate.how) ? 1 : 0)) + 1;

describe('an encoder that takes bit rates', () => {
  it.each<Like>(all ? ['abr', 'vbv', 'cbr'] : ['vbv'])(
    '%s: is never over the size, and at least 98.5 % of it after three attempts at most',
    async like => {
      const made = await onGpu(like, share(0.5));
      const cap = Math.floor((await stat(film)).size * 0.5);
      expect(made.candidate.how).toMatch(/one pass with h264_vaapi/);
      expect(made.candidate.bytes).toBeLessThanOrEqual(cap);
      expect(made.candidate.bytes).toBeGreaterThanOrEqual(cap * 0.985);
      expect(attempts(made)).toBeLessThanOrEqual(3);
      expect(made.candidate.notes).toEqual([]);
    },
  );

  it('has no limit on address space and finds its driver, and no other child has either', async () => {
    const gpu = gpuLike('vbv');
    process.env['LIBVA_DRIVER_NAME'] = 'iHD';
    try {
      await onGpu('vbv', { ...share(0.5), floor: 'any' });
    } finally {
      delete process.env['LIBVA_DRIVER_NAME'];
    }
    const encodes = (await gpu.calls()).filter(call => call.includes('-progress') && call.includes('LIBVA'));
    expect(encodes.length).toBeGreaterThan(0);
    for (const call of encodes) expect(call).toMatch(/^LIBVA_DRIVER_NAME=iHD unlimited .*-init_hw_device vaapi=gpu:/);
  });

  it.runIf(all)('in parts: their misses are made up for', async () => {
    const { candidate, after } = await onGpu('abr', share(0.5), { cutting: { longestS: 6 } });
    const cap = Math.floor((await stat(film)).size * 0.5);
    expect(candidate.how).toMatch(/one pass with h264_vaapi in \d parts/);
    expect(candidate.bytes / cap).toSatisfy((filled: number) => filled <= 1 && filled >= 0.985);
    expect(after.video.frames).toBe(400);
  });

  it.runIf(all)('one that misses by far hands over to the processor, and a note says what it reached', async () => {
    const cap = 700_000;
    const { candidate, after } = await onGpu('wild', { ...bytes(cap), floor: 'any' });
    expect(candidate.bytes).toBeLessThanOrEqual(cap);
    expect(after.video.codec).toBe('h264');
    expect(candidate.notes.join()).toMatch(
      /encoded by the processor: h264_vaapi did not reach the size \(attempts: [\d. %,]+\)/,
    );
  });
});

describe('an encoder that only holds quantisers', () => {
  it('mixes them over the parts, or hands over; never over the size', async () => {
    const cap = Math.floor((await stat(film)).size * 0.5);
    const { candidate } = await onGpu('cqp', share(0.5));
    expect(candidate.bytes).toBeLessThanOrEqual(cap);
    if (/one pass with h264_vaapi in/.test(candidate.how)) expect(candidate.bytes).toBeGreaterThanOrEqual(cap * 0.97);
    else expect(candidate.notes.join()).toMatch(/did not reach the size/);
  });

  it.runIf(all)(
    'without a size, and where the size is generous, holds a quality and is compared with the source',
    async () => {
      const { candidate } = await onGpu('cqp', {});
      expect(candidate.how).toMatch(
        /one pass with h264_vaapi, visually lossless, SSIM 0\.9|visually lossless quality \(CRF/,
      );
    },
  );
});

const MORE_FAULTS: [Fault, RegExp][] = [
  ['init', /h264_vaapi failed .*Failed to initialise VAAPI/],
  ['denied', /h264_vaapi failed .*Permission denied/],
  ['garbage', /h264_vaapi failed .*joining/],
  ['broken', /h264_vaapi/],
];

describe('what drivers do wrong', () => {
  it.each<[Fault, RegExp]>([
    ['frame', /h264_vaapi failed .*internal encoding error/],
    // Green takes next to no bytes, so a size may be missed before anybody looks.
    ['green', /made another picture than the source has|did not reach the size/],
    ...(all ? MORE_FAULTS : []),
  ])('%s: the processor encodes this film, with a note', async (fault, note) => {
    const gpu = gpuLike('abr');
    const tools = await gpu.tools('vaapi');
    await gpu.set(fault);
    const { candidate, after } = await shrink({ path: film }, share(0.5), () => {}, { engine: { tools } }).finally(() =>
      gpu.set('none'),
    );
    expect(candidate.how).toMatch(/two passes/);
    expect(candidate.notes.join()).toMatch(BY_PROCESSOR);
    expect(candidate.notes.join()).toMatch(note);
    expect(after.video.frames).toBe(400);
  });

  it.runIf(all)('a hang ends in time', async () => {
    const gpu = gpuLike('abr');
    const tools = await gpu.tools('vaapi');
    await gpu.set('hang');
    const engine = { tools, stallMs: 2_000 };
    const { candidate } = await shrink({ path: film }, share(0.5), () => {}, { engine }).finally(() => gpu.set('none'));
    expect(candidate.notes.join()).toMatch(BY_PROCESSOR);
  });

  it('a result that does not pass the verification is made by the processor the next time', async () => {
    const gpu = gpuLike('abr');
    const engine = await engineFor({ tools: await gpu.tools('vaapi') });
    const order = await orderFor(film, share(0.5));
    const run = async () =>
      await inWorkDir(async workDir => await engine.run(order, recordingContext({ workDir }).context));
    expect((await run()).how).toMatch(/h264_vaapi/);
    const second = await run();
    expect(second.how).toMatch(/two passes/);
    expect(second.notes.join()).toMatch(/h264_vaapi made did not pass the verification/);
  });
});

describe('sizes at which it costs too much', () => {
  it.runIf(all)('are left to the processor', async () => {
    const { candidate } = await onGpu('abr', { ...bytes(150_000), floor: 'any' });
    expect(candidate.notes.join()).toMatch(/so few that a hardware encoder would spoil it/);
  });
});

const films = all && corpus ? (await readdir(corpus)).filter(name => /\.(mp4|mov|mkv)$/i.test(name)) : [];

describe.runIf(films.length > 0)('real footage', () => {
  const cases = films.flatMap(name =>
    (
      [
        ['abr', 0.35],
        ['vbv', 0.2],
        ['cbr', 0.35],
        ['cqp', 0.35],
        ['mpeg4', 0.35],
      ] as const
    ).map(([like, part]) => [name, like, part] as const),
  );
  it.each(cases)(
    '%s as %s at %d',
    async (name, like, part) => {
      const path = join(corpus ?? '', name);
      const made = await onGpu(like, { ...share(part), floor: 'any' }, {}, path);
      const filled = made.candidate.bytes / Math.floor((await stat(path)).size * part);
      console.log(
        `${name} ${like} ${part}: ${(filled * 100).toFixed(2)} %, ${made.candidate.how} | ${made.candidate.notes.join(' | ')}`,
      );
      expect(filled).toBeLessThanOrEqual(1);
    },
    300_000,
  );
});
