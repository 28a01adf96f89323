/** A part of a film: every picture of it and no other, its sound at its place, and what else the film holds. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Trim } from '../../../src/core/trim.ts';
import { engineFor, inWorkDir, orderFor, raw, refusal, share, shrink } from '../../engine/local/support.ts';
import { recordingContext } from '../../contract/engine.ts';
import { realTools } from '../../support/footage.ts';

const run = promisify(execFile);
const FPS = 25;

let dir: string;
const clips: Record<string, string> = {};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-part-'));
  const { ffmpeg } = await realTools();
  await writeFile(
    join(dir, 'words.srt'),
    [
      '1\n00:00:01,000 --> 00:00:02,500\none',
      '2\n00:00:03,000 --> 00:00:03,500\n<i>two</i>',
      '3\n00:00:06,000 --> 00:00:07,000\nthree',
    ].join('\n\n'),
  );
  const chapters = [
    [0, 2, 'A'],
    [2, 4, 'B'],
    [4, 8, 'C'],
  ].map(([from = 0, to = 0, title]) => `[CHAPTER]\nTIMEBASE=1/1\nSTART=${from}\nEND=${to}\ntitle=${title}`);
  await writeFile(join(dir, 'chapters.txt'), `;FFMETADATA1\ntitle=Film\n${chapters.join('\n')}\n`);
  const made = async (name: string, more: string[], extra: string[] = []) => {
    const path = join(dir, name);
    // Eight bars in the upper half are the bits of the frame's number.
    const bars = 'if(bitand(N,pow(2,floor(X/40))),235,16)';
    const picture = `testsrc2=s=320x240:r=${FPS}:d=8,geq=lum='if(lt(Y,120),${bars},lum(X,Y))':cb='if(lt(Y,60),128,cb(X,Y))':cr='if(lt(Y,60),128,cr(X,Y))'`;
    const beeps = "aevalsrc='if(lt(mod(t,1),0.05),sin(2*PI*1000*t),0)':d=8:s=48000";
    const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', beeps, ...extra];
    await run(ffmpeg, [
      '-v',
      'error',
      ...inputs,
      '-c:v',
      'libx264',
      '-crf',
      '18',
      '-g',
      '60',
      '-bf',
      '3',
      ...more,
      '-y',
      path,
    ]);
    clips[name] = path;
  };
  const aac = ['-c:a', 'aac', '-b:a', '128k'];
  await made(
    'film.mkv',
    [
      ...['-map', '0', '-map', '1', '-map', '2', '-map_metadata', '3', '-map_chapters', '3'],
      ...aac,
      '-c:s',
      'srt',
      '-metadata:s:s:0',
      'language=eng',
      '-disposition:s:0',
      'forced',
    ],
    ['-i', join(dir, 'words.srt'), '-i', join(dir, 'chapters.txt')],
  );
  await made('film.mp4', aac);
  await made('film.ts', aac);
});

afterAll(() => rm(dir, { recursive: true, force: true }));

/** Numbers of the frames that a file shows. */
async function framesOf(path: string): Promise<number[]> {
  const { ffmpeg } = await realTools();
  const filters = 'crop=iw:ih/2:0:0,scale=8:1:flags=area,format=gray';
  const args = [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    '0:v',
    '-vf',
    filters,
    '-fps_mode',
    'passthrough',
    '-f',
    'rawvideo',
    '-',
  ];
  const { stdout } = await run(ffmpeg, args, { encoding: 'buffer' });
  return range(0, stdout.length / 8).map(frame =>
    range(0, 8).reduce((number, bit) => number + ((stdout[frame * 8 + bit] ?? 0) > 120 ? 2 ** bit : 0), 0),
  );
}

/** When each beep begins, seconds. */
async function beepsOf(path: string): Promise<number[]> {
  const { ffmpeg } = await realTools();
  const args = [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    '0:a',
    '-af',
    'aresample=48000:async=1:first_pts=0',
    '-ac',
    '1',
    '-f',
    's16le',
    '-',
  ];
  const { stdout } = await run(ffmpeg, args, { encoding: 'buffer', maxBuffer: 1e8 });
  const found: number[] = [];
  for (let at = 0; at + 1 < stdout.length; at += 2) {
    const time = at / 2 / 48_000;
    if (Math.abs(stdout.readInt16LE(at)) > 6_000 && time - (found.at(-1) ?? -1) > 0.5) found.push(time);
  }
  return found;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

async function part(
  clip: string,
  trim: Trim,
  [from, to]: [number, number],
  options: Parameters<typeof shrink>[3] = {},
) {
  let seen = { frames: [] as number[], beeps: [] as number[] };
  const shrunk = await shrink(
    { path: clips[clip] ?? '' },
    { trim, quality: 'max', ...(options.engine?.cutting && share(0.8)) },
    async ({ candidate }) => {
      seen = { frames: await framesOf(candidate.path), beeps: await beepsOf(candidate.path) };
    },
    options,
  );
  expect(seen.frames).toEqual(range(from, to));
  // A beep every second of the film, at the same place as its picture.
  const startS = from / FPS;
  const wanted = range(Math.ceil(startS), Math.ceil(to / FPS)).map(second => second - startS);
  expect(seen.beeps.length).toBe(wanted.length);
  seen.beeps.forEach((beep, at) => expect(Math.abs(beep - (wanted[at] ?? 0))).toBeLessThan(0.01));
  return shrunk;
}

describe('every picture of the part and no other, and the sound at its place', () => {
  it.each<[string, Trim, [number, number], string]>([
    ['film.mkv', { from: 2, to: 4.5 }, [50, 113], 'only 0:02 to 0:04.5, as asked'],
    ['film.mkv', { to: 3 }, [0, 75], 'only 0:00 to 0:03, as asked'],
    ['film.mkv', { from: -2 }, [150, 200], 'only 0:06 to 0:08, as asked'],
    [
      'film.mkv',
      { from: 5.1, to: 20 },
      [128, 200],
      'only 0:05.1 to 0:08: more was asked for, but the video is only 0:08 long',
    ],
    ['film.mp4', { from: 1.99, to: -2 }, [50, 150], 'only 0:01.99 to 0:06, as asked'],
    ['film.ts', { from: 3.5, to: 5 }, [88, 125], 'only 0:03.5 to 0:05, as asked'],
  ])('%s %j', async (clip, trim, frames, note) => {
    const { candidate } = await part(clip, trim, frames);
    expect(candidate.notes[0]).toBe(note);
  });

  it('in segments', async () => {
    const { candidate } = await part('film.mkv', { from: 1.5, to: 7 }, [38, 175], {
      engine: { cutting: { longestS: 1 } },
    });
    expect(candidate.how).toMatch(/in \d parts/);
  });

  it('from its first picture on where it cannot be decoded from the middle', async () => {
    await inWorkDir(async workDir => {
      const tools = await realTools();
      const path = join(workDir, 'ffmpeg-in-front');
      // A seek loses frames, as old formats may.
      const script = `case "$*" in *-seek_timestamp*trim=*) set -- $(printf '%s\\n' "$@" | sed 's/trim=start=1/trim=start=2/');; esac`;
      await writeFile(path, `#!/bin/sh\n${script}\nexec '${tools.ffmpeg}' "$@"\n`, { mode: 0o755 });
      await part('film.mkv', { from: 1.5, to: 7 }, [38, 175], { engine: { tools: { ...tools, ffmpeg: path } } });
    });
  });
});

describe('what else the film holds', () => {
  it('texts and chapters of the part, cut off at its ends', async () => {
    await shrink({ path: clips['film.mkv'] ?? '' }, { trim: { from: 2, to: 4.6 } }, async ({ candidate }) => {
      const { ffmpeg } = await realTools();
      const { stdout } = await run(ffmpeg, ['-v', 'error', '-i', candidate.path, '-map', '0:s', '-f', 'srt', '-']);
      expect(stdout.replace(/\r/g, '').trim()).toBe(
        '1\n00:00:00,000 --> 00:00:00,500\none\n\n2\n00:00:01,000 --> 00:00:01,500\n<i>two</i>',
      );
      const { chapters, streams, format } = await raw(candidate.path);
      expect(chapters.map(({ tags }) => tags?.['title'])).toEqual(['B', 'C']);
      expect(format.tags?.['title']).toBe('Film');
      expect(streams.find(({ codec_type: type }) => type === 'subtitle')).toMatchObject({
        tags: { language: 'eng' },
        disposition: { forced: 1 },
      });
      expect(candidate.notes).toEqual(['only 0:02 to 0:04.6, as asked']);
    });
  });

  it('subtitles with nothing in the part are named, not left out in silence', async () => {
    const { after, candidate } = await shrink({ path: clips['film.mkv'] ?? '' }, { trim: { from: 4, to: 5.5 } });
    expect(after.subtitles).toEqual([]);
    expect(candidate.notes).toEqual([
      'only 0:04 to 0:05.5, as asked',
      'dropped: subtitles (subrip, eng); nothing of it is in the part asked for',
    ]);
  });
});

describe('sizes count for the part', () => {
  it('half of it is half of the bytes it has in the film', async () => {
    const { candidate, before } = await shrink(
      { path: clips['film.mkv'] ?? '' },
      { ...share(0.5), trim: { to: 4 }, quality: 'max' },
    );
    expect(candidate.bytes / before.bytes).toBeGreaterThan(0.2);
    expect(candidate.bytes / before.bytes).toBeLessThan(0.3);
  });

  it('a bit rate is one of the part', async () => {
    const rate = { kind: 'rate' as const, bitsPerSecond: 200_000 };
    const { candidate } = await shrink(
      { path: clips['film.mkv'] ?? '' },
      { size: rate, trim: { to: 4 }, quality: 'max' },
    );
    expect(candidate.expect.maxBytes).toBe(100_000);
  });
});

describe('what cannot be', () => {
  it.each<[Trim, RegExp]>([
    [{ from: 300 }, /nothing of film\.mkv is in the part asked for \(only from 5:00 on\): the video is 0:08 long/],
    [{ to: -60 }, /nothing of film\.mkv is in the part asked for \(without the last 1:00\)/],
    [{ from: 1, to: 1.03 }, /fewer than two pictures/],
  ])('%j is held with the reason', async (trim, said) => {
    await inWorkDir(async workDir => {
      const engine = await engineFor();
      const { context } = recordingContext({ workDir });
      const error = await refusal(engine.run(await orderFor(clips['film.mkv'] ?? '', { trim }), context));
      expect(error.code).toBe('cannot-do');
      expect(error.message).toMatch(said);
      expect(error.hint).toBeDefined();
    });
  });

  it('all of it is copied, with a note', async () => {
    const path = clips['film.mp4'] ?? '';
    const { candidate } = await shrink(
      { path },
      { trim: { to: 60 }, size: { kind: 'bytes', bytes: (await stat(path)).size } },
    );
    expect(candidate.how).toContain('copied');
    expect(candidate.notes).toEqual(['nothing was cut: the part asked for is all of the video, which is 0:08 long']);
  });
});
