/** `npm run footage`: that its checker sees what is wrong, and that made files pass from end to end. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../../src/core/inventory.ts';
import { keepFrameTimes } from '../../../src/media/ffmpeg/args.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { canMake, footage, type FootageName, realTools } from '../../support/footage.ts';
import { compare } from './trial/compare.ts';
import { look, type Programs } from './trial/look.ts';
import { MADE, type Made } from './trial/made.ts';
import { trial } from './trial/trial.ts';

let dir: string;
let programs: Programs;
let every: string[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-trial-'));
  const tools = await realTools();
  every = keepFrameTimes(tools);
  programs = { ffmpeg: tools.ffmpeg, ffprobe: tools.ffprobe, everyFrame: every };
});
afterAll(async () => await rm(dir, { recursive: true, force: true }));

/** What is said to be wrong with a result that ffmpeg made from a clip with these arguments; `{source}` stands for the clip. */
async function wrongs(name: FootageName, args: string, notes: string[] = []): Promise<string[]> {
  const source = await footage(name);
  const result = join(dir, `${name}-result.mp4`);
  const words = args.split(' ').flatMap(word => (word === '{every}' ? every : [word.replace('{source}', source)]));
  await promisify(execFile)(programs.ffmpeg, ['-v', 'error', '-nostdin', '-y', ...words, result]);
  const after = await look(result, programs, { strict: true });
  const before = await look(source, programs, { like: after.picture });
  return compare(before, after, notes, {}).wrong.map(({ column, text }) => `${column}: ${text}`);
}

const COPY = '-i {source} -map 0 -c copy';
const TEXT = `${COPY} -c:s mov_text`;
const AGAIN = '-c:v libx264 -preset ultrafast -crf 18 -c:a copy';

describe('the checker', () => {
  it.each<[FootageName, string]>([
    ['sync', COPY],
    ['leftRight', COPY],
    ['tracks', `${TEXT} -strict -2`],
    ['chapters', `${COPY} -metadata creation_time=2021-03-04T05:06:07Z`],
    ['leftRight', `-i {source} ${AGAIN}`],
  ])('finds nothing wrong with a faithful result (%s, %s)', async (name, args) => {
    expect(await wrongs(name, args)).toEqual([]);
  });

  it.each<[string, FootageName, string, RegExp]>([
    [
      'shifted sound',
      'sync',
      '-i {source} -itsoffset 0.1 -i {source} -map 0:v -map 1:a -c copy',
      /^sync: sound 1 is 0\.1/,
    ],
    ['sound cut at its end', 'leftRight', '-i {source} -c:v copy -af atrim=end=2', /^sync: sound 1 ends at 2\.\d+ s/],
    [
      'a lost frame',
      'leftRight',
      `-i {source} -vf select=not(eq(n\\,30)) {every} ${AGAIN}`,
      /^frames: 75 frames became 74/,
    ],
    [
      'another frame in its place',
      'leftRight',
      `-i {source} -vf tpad=start=2:start_mode=clone -frames:v 75 ${AGAIN}`,
      /^sync: the picture is 2 frames late/,
    ],
    ['swapped channels', 'leftRight', '-i {source} -c:v copy -af pan=stereo|c0=c1|c1=c0', /^channels: .* swapped/],
    ['one channel for two', 'leftRight', '-i {source} -c:v copy -ac 1', /^channels: sound 1: 2 channels became 1/],
    ['silence', 'leftRight', '-i {source} -c:v copy -af volume=0', /^channels: sound 1/],
    [
      'washed-out colours',
      'leftRight',
      `-i {source} -vf scale=in_range=pc:out_range=tv ${AGAIN}`,
      /^colours: its contrast is 0\.8/,
    ],
    [
      'a wrong matrix',
      'leftRight',
      `-i {source} -vf scale=in_color_matrix=bt601:out_color_matrix=bt709 ${AGAIN}`,
      /^colours: a place/,
    ],
    ['another shape', 'leftRight', `-i {source} -vf scale=240:180,setsar=1 ${AGAIN}`, /^colours: its shape/],
    ['a missing subtitle track', 'tracks', `${TEXT} -strict -2 -map -0:s:1`, /^inventory: 1 of 2 subtitle tracks lost/],
    ['a missing sound track', 'tracks', `${TEXT} -strict -2 -map -0:a:1`, /^inventory: 1 of 2 sound tracks lost/],
    [
      'a lost language',
      'twoSounds',
      `${COPY} -metadata:s:a:1 language=fra`,
      /^inventory: sound 2: language ger became fra/,
    ],
    ['missing chapters', 'chapters', `${COPY} -map_chapters -1`, /^inventory: 2 chapters became 0/],
    ['a lost place', 'chapters', `${COPY} -metadata location=`, /^inventory: its place/],
    ['a lost mark', 'sphere', `-i {source} ${AGAIN}`, /^inventory: lost without a word: 360/],
    ['burnt-in combs', 'interlaced', `-i {source} ${AGAIN} -c:a aac`, /^inventory: the combs/],
  ])('sees %s', async (_, name, args, expected) => {
    expect(await wrongs(name, args)).toContainEqual(expect.stringMatching(expected));
  });

  it('takes a note for what it says, and for nothing else', async () => {
    const lost = `${TEXT} -strict -2 -map -0:s:1`;
    expect(await wrongs('tracks', lost, ['subtitles dropped: they cannot be converted for MP4'])).toEqual([]);
    expect(await wrongs('tracks', lost, ['dropped: cover art (mjpeg)'])).toHaveLength(1);
  });
});

it('the made files are fifty and hold every kind there is', () => {
  expect(Object.keys(MADE)).toHaveLength(50);
  const kinds = new Set(Object.values(MADE).flatMap(({ kinds = [] }) => kinds));
  expect(KINDS.filter(kind => !kinds.has(kind))).toEqual([]);
});

it('each made file holds what it is there for', async () => {
  const tools = await realTools();
  for (const [name, { kinds = [] }] of Object.entries(MADE) as [FootageName, Made][]) {
    if (kinds.length === 0 || !(await canMake(name))) continue;
    const { inventory } = await probe(ownFile(await footage(name)), { tools, thorough: true });
    const held = new Set(inventory.map(({ kind }) => kind));
    expect([name, kinds.filter(kind => !held.has(kind))]).toEqual([name, []]);
  }
});

it.each<[FootageName, string]>([
  ['sync', 'ok'],
  ['tracks', 'ok'],
  ['encrypted', 'refused'],
])('%s through the built program: %s', async (name, verdict) => {
  expect(await canMake(name)).toBe(true);
  const bench = { cli: resolve('dist/cli.js'), programs, dir, limitMs: 600_000 };
  const row = await trial(await footage(name), name, { size: '45%' }, bench);
  expect(row).toMatchObject({ verdict, wrong: [] });
});
