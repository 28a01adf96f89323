/** Files to start from: half a second each of every container and codec people drop, and excerpts of real footage where there is some. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { extensionOf, VIDEO_EXTENSIONS } from '../../../src/core/file-names.ts';
import type { Tools } from '../../../src/media/ffmpeg/tools.ts';

export interface Seed {
  name: string;
  bytes: Buffer;
}

const PICTURE = 'testsrc2=size=96x64:rate=12:duration=0.75,noise=alls=6:allf=t';
const SOUND = 'sine=frequency=300:sample_rate=16000:duration=0.75';
const H264 = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 5';

const LINES = '1\n00:00:00,100 --> 00:00:00,300\nHello\n\n2\n00:00:00,400 --> 00:00:00,700\nGood-bye\n';
const MARKS =
  ';FFMETADATA1\ntitle=Much\nlocation=+48.8577+002.2950/\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=750\ntitle=Two\n';

/** Name and arguments after the inputs (0 is picture, 1 and 2 are sound, 3 lines, 4 chapters); the encoder it needs, where not all have it. */
const MADE: readonly [name: string, args: string, needs?: string][] = [
  ['plain.mp4', `${H264} -bf 2 -c:a aac`],
  ['front.mp4', `${H264} -c:a aac -movflags +faststart -metadata title=x -metadata creation_time=2021-03-04T05:06:07Z`],
  ['pieces.mp4', `${H264} -c:a aac -movflags frag_keyframe+empty_moov`],
  ['tracks.mkv', `-map 0 -map 1 -map 2 ${H264} -c:a:0 aac -c:a:1 flac`],
  [
    'much.mkv',
    `-map 0 -map 1 -map 3 -map_metadata 4 ${H264} -c:a aac -c:s srt -metadata:s:a:0 language=ger -attach {dir}/lines.srt -metadata:s:t mimetype=text/plain`,
  ],
  [
    'much.mp4',
    `-map 0 -map 1 -map 3 -map_metadata 4 ${H264} -c:a aac -c:s mov_text -metadata creation_time=2021-03-04T05:06:07Z`,
  ],
  ['clip.mov', `${H264} -c:a pcm_s16be -timecode 01:00:00:00`],
  ['clip.ts', `${H264} -c:a aac -muxdelay 0`],
  ['clip.flv', `${H264} -c:a aac -ar 22050`],
  ['mpeg4.avi', '-c:v mpeg4 -bf 2 -c:a pcm_s16le'],
  ['old.mpg', '-r 25 -c:v mpeg2video -flags +ilme+ildct -c:a mp2 -ar 32000'],
  ['old.wmv', '-c:v wmv2 -c:a wmav2'],
  ['hevc.mp4', '-c:v libx265 -preset ultrafast -x265-params log-level=error -tag:v hvc1 -c:a aac', 'libx265'],
  ['vp9.webm', '-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -ar 48000', 'libvpx-vp9'],
];

/** `real`: with excerpts of the footage in SHRINKBOX_CORPUS (default). */
export async function makeSeeds(dir: string, tools: Tools, { real = true } = {}): Promise<Seed[]> {
  const seeds: Seed[] = [];
  const [lines, marks] = [join(dir, 'lines.srt'), join(dir, 'marks.txt')];
  await writeFile(lines, LINES);
  await writeFile(marks, MARKS);
  const inputs = [
    '-f',
    'lavfi',
    '-i',
    PICTURE,
    '-f',
    'lavfi',
    '-i',
    SOUND,
    '-f',
    'lavfi',
    '-i',
    SOUND,
    '-i',
    lines,
    '-i',
    marks,
  ];
  for (const [name, args, needs] of MADE) {
    if (needs && !tools.encoders.has(needs)) continue;
    const mapped = args.includes('-map') ? args : `-map 0 -map 1 ${args}`;
    seeds.push(await made(join(dir, name), [...inputs, ...mapped.replaceAll('{dir}', dir).split(' ')], tools));
  }
  return real ? [...seeds, ...(await excerpts(dir, tools))] : seeds;
}

/** A fraction of a second of each real file, by stream copy, as far as it stays small; seeds are spoiled thousands of times. */
const MAX_BYTES = 700_000;

async function excerpts(dir: string, tools: Tools): Promise<Seed[]> {
  const folder = process.env['SHRINKBOX_CORPUS'];
  if (!folder) return [];
  const found: Seed[] = [];
  for (const name of (await readdir(folder)).filter(one => VIDEO_EXTENSIONS.has(extensionOf(one))).toSorted()) {
    const to = join(dir, `real-${basename(name, extname(name))}${extname(name)}`);
    const head = ['-i', join(folder, name), '-map', '0:v:0', '-map', '0:a?', '-map', '0:s?'];
    const seed = await made(to, [...head, '-t', '0.4', '-c', 'copy'], tools).catch(() => undefined);
    if (seed && (await stat(to)).size <= MAX_BYTES) found.push(seed);
  }
  return found;
}

async function made(path: string, args: string[], tools: Tools): Promise<Seed> {
  await promisify(execFile)(tools.ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args, path]);
  return { name: basename(path), bytes: await readFile(path) };
}
