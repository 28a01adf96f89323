/** A picture that changes its size or the shape of its pixels: one frame for all of it, nothing stretched, sound in sync. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../../src/core/target.ts';
import { caseFile } from '../../support/cases.ts';
import { canMake, realTools } from '../../support/footage.ts';
import { flashAndBeep, inWorkDir, share, shrink, type Shrunk } from '../../engine/local/support.ts';

const NOTE = /^a picture that changes shape \((.*)\): every shape is shown whole in (\d+x\d+), with black bars/;

async function ffmpeg(...args: string[]): Promise<string> {
  return (await promisify(execFile)((await realTools()).ffmpeg, ['-nostdin', '-v', 'error', ...args])).stdout;
}

interface Part {
  size: string;
  /** Of its pixels. */
  aspect?: string;
  /** A white screen and a beep one second in. */
  flash?: boolean;
  /** Made of fields. */
  fields?: boolean;
}

/** Parts of two seconds, each with a white square in its middle as people see it. */
async function part(path: string, at: number, { size, aspect = '1', flash, fields }: Part, codec: string[]) {
  const [width = 0, height = 0] = size.split('x').map(Number);
  const side = Math.round(Math.min(width, height) / 3 / 2) * 2;
  const across =
    Math.round(
      (side *
        (aspect
          .split('/')
          .map(Number)
          .reduce((a, b) => b / a, 1) || 1)) /
        2,
    ) * 2;
  const square = `drawbox=x=${(width - across) / 2}:y=${(height - side) / 2}:w=${across}:h=${side}:color=white:t=fill`;
  const white = flash ? ",drawbox=color=white:t=fill:enable='between(t,1,1.15)'" : '';
  const rate = fields ? 50 : 25;
  const picture = `color=0x404040:size=${size}:rate=${rate}:duration=2,noise=alls=8:allf=t,${flash === undefined ? square : 'null'}${white}`;
  const beep = `aevalsrc='${flash ? 'if(between(t,1,1.2),sin(2764*t),0)' : '0'}':sample_rate=48000:duration=2`;
  await ffmpeg(
    ...['-f', 'lavfi', '-i', `${picture},setsar=${aspect}${fields ? ',interlace=scan=tff' : ''}`],
    ...['-f', 'lavfi', '-i', beep, ...codec, '-c:a', path.endsWith('.ts') ? 'aac' : 'libopus'],
    ...['-output_ts_offset', String(at * 2), '-y', path],
  );
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25'];
const MPEG2 = ['-c:v', 'mpeg2video', '-q:v', '4', '-g', '12'];

/** One transport stream of parts, as a broadcast or a recorder writes it. */
async function stream(dir: string, parts: readonly Part[], codec = H264): Promise<string> {
  const files = parts.map((_, at) => join(dir, `part${at}.ts`));
  for (const [at, one] of parts.entries()) await part(files[at] ?? '', at, one, codec);
  const path = join(dir, 'stream.ts');
  await writeFile(path, Buffer.concat(await Promise.all(files.map(async file => await readFile(file)))));
  return path;
}

/** Width and height of what is white, at a time. */
async function whiteAt(path: string, seconds: number): Promise<[number, number]> {
  const filters = 'format=gray,boxblur=2,bbox=min_val=170,metadata=mode=print:file=-';
  const said = await ffmpeg(
    '-ss',
    String(seconds),
    '-i',
    path,
    '-map',
    '0:v',
    '-frames:v',
    '1',
    '-vf',
    filters,
    '-f',
    'null',
    '-',
  );
  const of = (name: string) => Number(new RegExp(`bbox\\.${name}=(\\d+)`).exec(said)?.[1]);
  return [of('w'), of('h')];
}

async function expectSquares(path: string, ...times: number[]): Promise<void> {
  for (const time of times) {
    const [width, height] = await whiteAt(path, time);
    expect(width).toBeGreaterThan(20);
    expect(Math.abs(width - height), `${width}x${height} at ${time} s`).toBeLessThanOrEqual(4);
  }
}

describe('the second shape was stretched', () => {
  const upright: Part[] = [{ size: '640x360' }, { size: '360x640' }];
  const wayOf = (target: Partial<Target>, longestS?: number) => ({ target, longestS });

  it.each([
    ['in one piece', wayOf(share(0.5))],
    ['in parts', wayOf(share(0.5), 1)],
    ['smaller', wayOf({ ...share(0.3), resolution: { kind: 'box', width: 320, height: 180 } })],
    ['with an odd width', wayOf({ ...share(0.3), resolution: { kind: 'box', width: 213, height: 120 } })],
    ['at a quality', wayOf({})],
    ['with fewer frames', wayOf({ ...share(0.5), fps: 10 })],
    ['where it would fit as it is', wayOf(share(1.2))],
    ['as H.265', wayOf({ ...share(0.5), codec: 'h265' })],
  ])('%s: padded, with a note', async (_, { target, longestS }) => {
    if (target.codec === 'h265' && !(await canMake('hevc'))) return;
    await inWorkDir(async dir => {
      const engine = longestS === undefined ? {} : { cutting: { longestS } };
      const look = async ({ candidate, before, after }: Shrunk) => {
        expect(before.video).toMatchObject({ displayWidth: 640, displayHeight: 360, shapeChanges: 1 });
        expect(before.inventory).toContainEqual(expect.objectContaining({ kind: 'shapes' }));
        await expectSquares(candidate.path, 0.5, 3.2);
        expect(candidate.notes).toContainEqual(expect.stringMatching(NOTE));
        expect(candidate.notes.join()).not.toMatch(/could not be decoded|damaged/);
        expect(after.video.displayWidth / after.video.displayHeight).toBeCloseTo(16 / 9, 1);
        expect(after.durationS).toBeCloseTo(before.durationS, 1);
        if (target.fps === undefined) expect(after.video.frames).toBe(before.video.frames);
      };
      await shrink({ path: await stream(dir, upright) }, target, look, { engine });
    });
  });

  it('pixels of another shape alone count as well: a broadcast between 4:3 and 16:9', async () => {
    await inWorkDir(async dir => {
      const parts = [
        { size: '720x576', aspect: '16/15' },
        { size: '720x576', aspect: '64/45' },
        { size: '720x576', aspect: '64/45' },
      ];
      await shrink({ path: await stream(dir, parts, MPEG2) }, share(0.5), async ({ candidate, before }) => {
        expect(before.video).toMatchObject({ displayWidth: 1_024, displayHeight: 576, shapeChanges: 1 });
        await expectSquares(candidate.path, 0.5, 3.2, 5.2);
      });
    });
  });

  it('fields in two sizes lose nothing that anybody would call damage', async () => {
    await inWorkDir(async dir => {
      const parts = [
        { size: '720x576', fields: true },
        { size: '352x288', fields: true },
      ];
      const codec = [...MPEG2, '-flags', '+ilme+ildct'];
      await shrink({ path: await stream(dir, parts, codec) }, share(0.5), async ({ candidate }) => {
        await expectSquares(candidate.path, 0.5, 3.2);
        expect(candidate.notes.join()).not.toMatch(/could not be decoded|damaged/);
      });
    });
  });

  it.each([
    ['libvpx', ['-c:v', 'libvpx', '-b:v', '1M', '-deadline', 'realtime', '-cpu-used', '8']],
    ['libvpx-vp9', ['-c:v', 'libvpx-vp9', '-b:v', '1M', '-deadline', 'realtime', '-cpu-used', '8']],
  ])('a browser’s recording (%s) is as large as it became, and turned', async (_, codec) => {
    if (!(await canMake('webm'))) return;
    await inWorkDir(async dir => {
      const parts = ['320x180', '640x360', '240x320'].map(size => ({ size }));
      const files = parts.map((__, at) => join(dir, `part${at}.webm`));
      for (const [at, one] of parts.entries()) await part(files[at] ?? '', 0, one, codec);
      await writeFile(join(dir, 'list.txt'), files.map(file => `file '${file}'\n`).join(''));
      const path = join(dir, 'call.webm');
      await ffmpeg('-f', 'concat', '-safe', '0', '-i', join(dir, 'list.txt'), '-c', 'copy', path);
      await shrink({ path }, share(0.7), async ({ candidate, before, after }) => {
        expect(before.video).toMatchObject({ displayWidth: 640, displayHeight: 360, shapeChanges: 2 });
        expect(after.video.frames).toBe(before.video.frames);
        await expectSquares(candidate.path, 0.5, 3, 5);
      });
    });
  });
});

it('sound stays where the picture is, past the change', async () => {
  await inWorkDir(async dir => {
    const path = await stream(dir, [
      { size: '640x360', flash: false },
      { size: '480x360', flash: true },
    ]);
    const before = await flashAndBeep(path);
    for (const engine of [{}, { cutting: { longestS: 1 } }]) {
      const look = async ({ candidate }: Shrunk) => {
        const { flash, beep } = await flashAndBeep(candidate.path);
        expect(beep - flash).toBeCloseTo(before.beep - before.flash, 1);
        expect(flash).toBeGreaterThan(2.5);
      };
      await shrink({ path }, share(0.5), look, { engine });
    }
  });
});

const changing = caseFile('sizechange.ts');

it.skipIf(!changing)('the problem file is padded, where SHRINKBOX_CASES names it', async () => {
  const { candidate, after } = await shrink({ path: changing ?? '' }, share(0.5));
  expect(after.video).toMatchObject({ displayWidth: 640, displayHeight: 360, frames: 100 });
  expect(NOTE.exec(candidate.notes.join('\n'))?.slice(1)).toEqual(['640x360, 360x640', '640x360']);
});
