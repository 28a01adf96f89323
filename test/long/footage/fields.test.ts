/** Pictures made of fields, whoever says so: whole ones in the result, each with its own time, and none counted twice. */
import { execFile } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../../src/core/target.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { caseFile } from '../../support/cases.ts';
import { canMake, footage, type FootageName, realTools } from '../../support/footage.ts';
import { inWorkDir, share, shrink, type Shrunk } from '../../engine/local/support.ts';

const DEINTERLACED = 'deinterlaced: the source shows half-pictures, the result whole ones';
const LOST = /could not be decoded|damaged/;

async function ffmpeg(...args: string[]): Promise<string> {
  return (await promisify(execFile)((await realTools()).ffmpeg, ['-nostdin', '-v', 'error', ...args])).stdout;
}

/** The share of frames that show combs. */
async function combed(path: string): Promise<number> {
  const print = 'idet,metadata=mode=print:key=lavfi.idet.multiple.current_frame:file=-';
  const found = await ffmpeg('-i', path, '-map', '0:v', '-vf', print, '-f', 'null', '-');
  return (found.match(/=[tb]ff/g) ?? []).length / (found.match(/^frame:/gm) ?? []).length;
}

describe('combs were burned in and called progressive', () => {
  it.each<[FootageName, Partial<Target>, number | undefined]>([
    ['dv', share(0.1), undefined],
    ['dv', share(0.04), 1],
    ['dv', { ...share(0.1), codec: 'h265' }, undefined],
    ['dv', {}, undefined],
    ['captured', share(0.3), undefined],
    ['fieldsMpeg4', share(0.7), undefined],
    ['fieldsH264', share(0.7), 1],
  ])('%s, %o: whole pictures, and a note', async (name, target, longestS) => {
    if (!(await canMake(name)) || (target.codec === 'h265' && !(await canMake('hevc')))) return;
    expect(await combed(await footage(name))).toBeGreaterThan(0.9);
    const engine = longestS === undefined ? {} : { cutting: { longestS } };
    const look = async ({ candidate, before, after }: Shrunk) => {
      expect(await combed(candidate.path)).toBeLessThan(0.1);
      expect(candidate.notes).toContain(DEINTERLACED);
      expect(after.video).toMatchObject({ interlaced: false, frames: before.video.frames });
      expect(after.durationS).toBeCloseTo(before.durationS, 2);
    };
    await shrink(name, target, look, { engine });
  });

  it('of a film that begins with whole pictures: its later half was not looked at', async () => {
    expect(await combed(await footage('fieldsLater'))).toBeGreaterThan(0.4);
    await shrink('fieldsLater', share(0.7), async ({ candidate, before, after }) => {
      expect(await combed(candidate.path)).toBeLessThan(0.1);
      expect(candidate.notes).toContain(DEINTERLACED);
      expect(after.video.frames).toBe(before.video.frames);
    });
  });

  it.each<FootageName>(['dvWhole', 'capturedWhole'])('%s is left alone', async name => {
    if (!(await canMake(name))) return;
    const { candidate, before } = await shrink(name, share(0.3));
    expect(before.video.interlaced).toBe(false);
    expect(candidate.notes).not.toContain(DEINTERLACED);
  });
});

it('a copy keeps fields, and says who will see them', async () => {
  const { candidate, after } = await shrink('fieldsH264', share(1.2));
  expect(candidate.how).toMatch(/^copied without loss/);
  expect(candidate.notes).toEqual([
    expect.stringMatching(/^still interlaced, like the source: .*browsers show comb lines/),
  ]);
  expect(after.video.interlaced).toBe(true);
});

const camera = caseFile('paff_1080i50_camera.mts');

describe.skipIf(!camera)('two packets a frame, where SHRINKBOX_CASES names such a file', () => {
  const path = camera ?? '';

  it.each<Partial<Target>>([share(0.5), share(0.7), {}, { ...share(0.3), codec: 'h265' }])(
    'were "damaged: only 13 of its 26 frames can be decoded": deinterlaced, to %o',
    async target => {
      if (target.codec === 'h265' && !(await canMake('hevc'))) return;
      await shrink({ path }, target, ({ candidate, before, after, verified }) => {
        expect(before.video).toMatchObject({ interlaced: true, frames: 13, variableFrameRate: false });
        expect([before.video.fps, before.durationS].map(value => value.toFixed(2))).toEqual(['25.00', '0.52']);
        expect(after.video).toMatchObject({ interlaced: false, frames: 13 });
        expect(after.durationS).toBeCloseTo(0.52, 2);
        expect(candidate.notes).toContain(DEINTERLACED);
        expect(candidate.notes.join()).not.toMatch(LOST);
        expect(verified.evidence).toMatch(/^decoded 13 frames, 0.52 s/);
      });
    },
  );

  const joined = async (dir: string, times: number) => {
    await writeFile(join(dir, 'list.txt'), `file '${path}'\n`.repeat(times));
    const out = join(dir, 'long.ts');
    await ffmpeg(...['-f', 'concat', '-safe', '0', '-i', join(dir, 'list.txt')], '-map', '0:v', '-c', 'copy', out);
    return out;
  };

  it('are cut into segments between frames, never between fields', async () => {
    await inWorkDir(async dir => {
      const engine = { cutting: { longestS: 1 } };
      const { before, after, candidate } = await shrink({ path: await joined(dir, 6) }, share(0.15), () => {}, {
        engine,
      });
      expect(before.video.frames).toBe(78);
      expect(after.video.frames).toBe(78);
      expect(after.durationS).toBeCloseTo(before.durationS, 2);
      expect(candidate.notes.join()).not.toMatch(LOST);
    });
  });

  it('in an MP4, as the cloud may return it, are verified by frames', async () => {
    await inWorkDir(async dir => {
      const out = join(dir, 'result.mp4');
      await ffmpeg('-i', path, '-map', '0:v', '-c', 'copy', '-movflags', '+faststart', out);
      const { size } = await stat(out);
      const promised = { maxBytes: size, frames: 11, videoCodecs: ['h264'] };
      const candidate = { path: out, isSource: false, bytes: size, expect: promised, how: '', notes: [] };
      const { evidence } = await verifyCandidate(candidate, { tools: await realTools() });
      expect(evidence).toMatch(/^decoded 11 frames, 0.44 s/);
    });
  });
});
