import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { shortfalls } from '../../../src/media/ffmpeg/shortfalls.ts';
import { type Tools, whatIsLacking } from '../../../src/media/ffmpeg/tools.ts';

/** Has everything, but what is named. */
function allBut(...names: string[]): Tools {
  const set = { has: (name: string) => !names.includes(name) } as ReadonlySet<string>;
  const lists = { encoders: set, decodable: set, filters: set, demuxers: set, options: set };
  return { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', inputsBy: 'descriptor', version: '9.0', svtAv1: '4.0.0', ...lists };
}

const said = (tools: Tools) => shortfalls(tools).map(one => one.said.text);

it('an ffmpeg that lacks nothing has no shortfalls', () => {
  expect(said(allBut())).toEqual([]);
});

it.each<[string, Tools, RegExp]>([
  [
    'Debian 12: AV1',
    { ...allBut(), version: '5.1.9', svtAv1: '1.4.1' },
    /^cannot write av1: .*5\.1\.9.* 2\.0 or newer/,
  ],
  ['before 5.1', allBut('fps_mode', 'setts_duration'), /older than 5\.1: mirrored films.*last picture/],
  ['Homebrew: HDR', allBut('zscale'), /^cannot convert HDR/],
  ['ffmpeg-free: decoders', allBut('hevc', 'vc1', 'avi'), /^cannot read hevc, vc1, avi:/],
])('what a version lacks is said, of %s', (_, tools, expected) => {
  expect(said(tools)).toEqual([expect.stringMatching(expected)]);
});

it('nothing that the program asks an ffmpeg for is missing without a sentence', () => {
  const src = join(import.meta.dirname, '../../../src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));
  const asked = files.flatMap(file =>
    [
      ...readFileSync(join(src, file), 'utf8').matchAll(
        /(?:encoders|decodable|filters|demuxers|options)\.has\('(\w+)'/g,
      ),
    ].map(([, name = '']) => name),
  );
  expect(asked).toContain('setts_duration');
  const silent = [...new Set(asked)].filter(
    name => shortfalls(allBut(name)).length === 0 && !whatIsLacking(allBut(name)),
  );
  expect(silent).toEqual([]);
});
