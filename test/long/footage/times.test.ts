/** Sound that begins before or after the picture stays with it, and the last picture keeps its time, on every way a film can go. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { MediaFacts } from '../../../src/core/media-info.ts';
import type { Target } from '../../../src/core/target.ts';
import { caseFile } from '../../support/cases.ts';
import { footage, type FootageName, realTools } from '../../support/footage.ts';
import { bytes, flashAndBeep, frameTimes, inWorkDir, raw, refusal, share, shrink } from '../../engine/local/support.ts';

const SHORT = { engine: { cutting: { longestS: 1 } } };
/** Less than a frame. */
const FRAME_S = 0.03;

const WAYS: [string, Partial<Target>, typeof SHORT | undefined][] = [
  ['in two passes', { ...share(0.5), quality: 'max' }, undefined],
  ['in parts', { ...share(0.5), quality: 'max' }, SHORT],
  ['at a quality', {}, undefined],
  ['copied', share(1.3), undefined],
  ['with fewer frames', { ...share(0.5), fps: 12.5 }, undefined],
  ['as h265', { ...share(0.5), codec: 'h265' }, undefined],
  ['as av1', { ...share(0.5), codec: 'av1' }, undefined],
];

const soundIn = ({ inventory }: MediaFacts) => inventory.filter(({ kind }) => kind === 'sound');

/** How far the flash is from the beep, seconds. */
async function distance(path: string): Promise<number> {
  const { flash, beep } = await flashAndBeep(path);
  return flash - beep;
}

describe('sound before the picture', () => {
  const kept = async (path: string, target: Partial<Target>, options?: typeof SHORT) => {
    const before = await distance(path);
    await shrink(
      { path },
      target,
      async shrunk => {
        expect(Math.abs((await distance(shrunk.candidate.path)) - before)).toBeLessThan(FRAME_S);
        const [sound, was] = [soundIn(shrunk.after)[0], soundIn(shrunk.before)[0]];
        // A silence after the first picture is filled, where sound is encoded.
        if ((was?.startS ?? 0) < 0) expect(sound?.startS).toBeCloseTo(was?.startS ?? Number.NaN, 1);
        expect(shrunk.candidate.notes.filter(note => /sound/.test(note))).toEqual([]);
      },
      options,
    );
  };

  it.each(WAYS)('was cut off without a note: is kept, and in sync, %s', async (_, target, options) => {
    await kept(await footage('soundFirst'), target, options);
  });

  it.each<[FootageName, number]>([
    ['soundFirstAac', 0.5],
    ['soundFirstAac', 1],
    ['soundFirstTransport', 0.5],
    ['soundFirstTransport', 1.1],
    ['soundFirstAtZero', 0.5],
    ['soundFirstAtZero', 1.1],
    ['soundLateFromZero', 0.5],
    ['soundAFrameFirst', 0.5],
    ['syncLate', 0.5],
    ['syncLateAac', 1],
  ])('%s, to %f of the size', async (name, part) => {
    await kept(await footage(name), share(part));
  });

  it('leaves no gap where it is not wanted', async () => {
    for (const part of [0.5, 1]) {
      const { after } = await shrink('soundFirstAac', { ...share(part), audio: { kind: 'mute' } });
      expect(after.startS).toBeCloseTo(0, 2);
    }
  });

  it('of one track moves the other along', async () => {
    await shrink('soundsApart', share(0.5), async ({ candidate, after }) => {
      const starts = soundIn(after).map(({ startS = Number.NaN }) => startS);
      expect(starts[0]).toBeCloseTo(-1.5, 1);
      // Its silence after the first picture is filled.
      expect(starts[1]).toBeCloseTo(0, 1);
      expect(soundIn(after)[1]?.endS).toBeCloseTo(3, 1);
      expect(await distance(candidate.path)).toBeCloseTo(1.5, 1);
    });
  });

  it('moves the chapters along', async () => {
    await inWorkDir(async dir => {
      const { ffmpeg } = await realTools();
      const path = join(dir, 'chapters.mkv');
      const inputs = ['-i', await footage('soundFirst'), '-i', await footage('chapters')];
      const args = [...inputs, '-map', '0', '-map_chapters', '1', '-c', 'copy', path];
      await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args]);
      // In the source the second begins at two seconds, and the picture at three.
      await shrink({ path }, share(0.5), async ({ candidate }) => {
        expect((await raw(candidate.path)).chapters[1]).toMatchObject({ start_time: '2.000000', end_time: '4.000000' });
      });
      await shrink({ path }, { ...share(0.5), audio: { kind: 'mute' } }, async ({ candidate }) => {
        expect((await raw(candidate.path)).chapters).toMatchObject([
          { end_time: '1.000000', tags: { title: 'Second' } },
        ]);
      });
    });
  });

  it('left the chapters of a copy where they were in a longer film, and said nothing of those before it', async () => {
    await inWorkDir(async dir => {
      const { ffmpeg } = await realTools();
      const path = join(dir, 'cut-from-a-longer-one.mkv');
      // Without names, of which ffmpeg makes a reference to nothing: that was an error of the decoder.
      const one = (start: number, end: number) => `[CHAPTER]\nTIMEBASE=1/1\nSTART=${start}\nEND=${end}\n`;
      await writeFile(join(dir, 'marks'), `;FFMETADATA1\n${one(0, 9)}${one(100, 101)}${one(101, 103)}`);
      const inputs = ['-i', await footage('silent'), '-i', join(dir, 'marks')];
      const args = [...inputs, '-map', '0', '-map_chapters', '1', '-c', 'copy', '-output_ts_offset', '100', path];
      await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args]);
      await shrink({ path }, bytes(50_000_000), async ({ candidate }) => {
        expect(candidate.how).toMatch(/^copied/);
        expect((await raw(candidate.path)).chapters).toMatchObject([
          { start_time: '0.000000' },
          { start_time: '1.000000', end_time: '3.000000' },
        ]);
        expect(candidate.notes).toEqual(['dropped: one chapter that ends before the film begins']);
      });
    });
  });

  it.skipIf(!caseFile('vlate.mp4'))('is kept in the problem file, where SHRINKBOX_CASES names it', async () => {
    await kept(caseFile('vlate.mp4') ?? '', share(0.5));
    await kept(caseFile('vlate.mp4') ?? '', share(1));
  });
});

it('pictures without times were shown all at once: they are refused, and why', async () => {
  expect(await refusal(shrink('beforeZero', share(0.7)))).toMatchObject({
    code: 'not-media',
    message: expect.stringMatching(/^25 of the 50 pictures of before-zero\.mkv do not say when they are shown/),
  });
});

describe('the last picture', () => {
  /** As ffprobe says it of the picture's track, and when its last frame comes. */
  const ends = async (path: string) => {
    const { streams } = await raw(path);
    return { lengthS: Number(streams[0]?.['duration']), lastS: (await frameTimes(path)).at(-1) ?? Number.NaN };
  };

  const stays = async (path: string, target: Partial<Target>, options?: typeof SHORT) => {
    const before = await ends(path);
    await shrink(
      { path },
      target,
      async ({ candidate, after }) => {
        const { lengthS, lastS } = await ends(candidate.path);
        expect(lengthS).toBeCloseTo(before.lengthS, 1);
        expect(after.durationS).toBeCloseTo(before.lengthS, 1);
        if (target.fps === undefined) expect(lastS).toBeCloseTo(before.lastS, 2);
      },
      options,
    );
  };

  it.each(WAYS)('was cut short: stays as long as before, %s', async (_, target, options) => {
    await stays(await footage('lastStays'), target, options);
  });

  it.each<[FootageName, number]>([
    ['lastStaysAhead', 0.5],
    ['lastStaysAhead', 1.1],
    ['slides', 0.6],
    ['slides', 1.1],
    ['vfr', 0.5],
  ])('%s, to %f of the size', async (name, part) => {
    if (name === 'vfr') {
      const { before, after } = await shrink(name, share(part));
      expect(after.durationS).toBeCloseTo(before.durationS, 2);
    } else await stays(await footage(name), share(part));
  });

  it('is followed by as much sound as before', async () => {
    for (const part of [0.5, 1]) {
      const { after } = await shrink('soundGoesOn', share(part));
      expect([after.durationS, soundIn(after)[0]?.endS]).toEqual([expect.closeTo(2, 1), expect.closeTo(7, 1)]);
    }
  });

  it('ends early, and a note says so, with an ffmpeg that cannot be told', async () => {
    const found = await realTools();
    const tools = { ...found, options: new Set([...found.options].filter(name => name !== 'setts_duration')) };
    const { candidate } = await shrink('lastStays', share(0.5), () => {}, { engine: { tools } });
    expect(candidate.notes).toEqual([
      expect.stringMatching(/^the last picture does not stay for 5\.\d s as in the source: this ffmpeg/),
    ]);
  });

  it.skipIf(!caseFile('vfr_last_frame_1.6s.mp4'))(
    'stays in the problem file, where SHRINKBOX_CASES names it',
    async () => {
      await stays(caseFile('vfr_last_frame_1.6s.mp4') ?? '', share(0.5));
    },
  );
});
