import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nextFilmIn } from '../../../src/media/completeness/next-film.ts';
import { clip } from './support.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shrinkbox-next-'));
});
afterAll(async () => await rm(directory, { recursive: true }));

async function nextIn(bytes: Buffer): Promise<number | undefined> {
  return await nextFilmIn({
    path: 'film',
    stat: async () => ({ size: BigInt(bytes.length) }) as never,
    read: async (buffer, offset, length, position) => ({
      bytesRead: bytes.copy(buffer, offset, position, Math.min(bytes.length, position + length)),
    }),
  });
}

let made = 0;
const films = new Map<string, Promise<Buffer>>();
/** One that was made before is not made again. */
async function film(args: string, source = 'testsrc', seconds = 1): Promise<Buffer> {
  const key = [args, source, seconds].join(' ');
  const found = films.get(key) ?? makeFilm(args, source, seconds);
  films.set(key, found);
  return await found;
}

async function makeFilm(args: string, source: string, seconds: number): Promise<Buffer> {
  const path = join(directory, String((made += 1)));
  const picture = ['-f', 'lavfi', '-i', `${source}=r=25:s=64x48`];
  const sound = args.includes('-c:a') ? ['-f', 'lavfi', '-i', 'sine=r=48000'] : [];
  const input = ['-v', 'error', ...picture, ...sound, '-t', String(seconds), '-threads', '1'];
  execFileSync('ffmpeg', [...input, ...args.split(' '), path]);
  return await readFile(path);
}

const FAST = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p';
const FRAGMENTS = `${FAST} -g 10 -f mp4 -movflags frag_keyframe+empty_moov+default_base_moof`;

it.each([
  ['MP4', `${FAST} -f mp4`],
  ['MP4 with its index first', `${FAST} -f mp4 -movflags faststart`],
  ['MOV', `${FAST} -f mov`],
  ['fragments, whose clock starts again', FRAGMENTS],
  ['Matroska', `${FAST} -f matroska`],
  ['Matroska as recorded', `${FAST} -f matroska -live 1`],
  ['WMV', '-c:v wmv2 -f asf'],
  ['FLV', `${FAST} -f flv`],
  ['Ogg', '-c:v libtheora -f ogg'],
  ['APNG', '-f apng'],
  ['IVF', '-c:v libvpx -deadline realtime -f ivf'],
  ['WTV', '-c:v mpeg2video -c:a mp2 -f wtv'],
  ['NUT', '-c:v mpeg4 -f nut'],
  ['MXF', '-c:v mpeg2video -c:a pcm_s16le -f mxf'],
  ['RealMedia', '-c:v rv20 -f rm'],
  ['Y4M', '-pix_fmt yuv420p -f yuv4mpegpipe'],
])('of two films joined in one file only the first was kept: %s', async (_name, args) => {
  const first = await film(args);
  expect(await nextIn(first)).toBeUndefined();
  expect(await nextIn(Buffer.concat([first, first]))).toBe(first.length);
});

it.each([
  ['AVI', '-c:v mpeg4 -f avi', '-c:v mjpeg -f avi'],
  ['a transport stream with other numbers', `${FAST} -f mpegts`, `${FAST} -f mpegts -mpegts_start_pid 512`],
  ['a transport stream of another codec', `${FAST} -f mpegts`, '-c:v mpeg2video -f mpegts'],
  ['a transport stream with sound of another codec', `${FAST} -c:a mp2 -f mpegts`, `${FAST} -c:a aac -f mpegts`],
])('what ffmpeg reads through only where the tracks are the same: %s', async (_name, one, another) => {
  const first = await film(one);
  const same = await film(one, 'testsrc2');
  expect(await nextIn(Buffer.concat([first, same]))).toBeUndefined();
  expect(await nextIn(Buffer.concat([first, await film(another)]))).toBe(first.length);
});

it('a short transport stream behind a long one was mixed up with it', async () => {
  const [long, short] = [
    await film(`${FAST} -f mpegts`, 'testsrc', 4),
    await film('-c:v mpeg2video -f mpegts', 'testsrc', 0.2),
  ];
  expect(await nextIn(Buffer.concat([long, short]))).toBe(long.length);
  expect(await nextIn(Buffer.concat([short, long]))).toBe(short.length);
});

it('a broadcast with two programs, or with a second sound later on, was never taken for two films', async () => {
  const args = ['-map 0 -map 0 -program st=0 -program st=1', FAST, '-f mpegts'];
  expect(await nextIn(await film(args.join(' ')))).toBeUndefined();
  const [silent, heard] = [await film(`${FAST} -f mpegts`), await film(`${FAST} -c:a aac -f mpegts`)];
  expect(await nextIn(Buffer.concat([silent, heard]))).toBeUndefined();
});

it('an MXF that does not say where its last part is, as recorded live, is searched', async () => {
  const first = await film('-c:v mpeg2video -c:a pcm_s16le -f mxf');
  const live = Buffer.from(first);
  live.fill(0, 20 + 24, 20 + 32);
  expect(await nextIn(live)).toBeUndefined();
  expect(await nextIn(Buffer.concat([live, first]))).toBe(live.length);
});

it('old films of QuickTime, without a file type, were left out in silence', async () => {
  const whole = await clip('silent');
  expect(whole.toString('latin1', 4, 8)).toBe('ftyp');
  const old = whole.subarray(whole.readUInt32BE(0));
  expect(await nextIn(old)).toBeUndefined();
  expect(await nextIn(Buffer.concat([old, old]))).toBe(old.length);
});

const box = (type: string, content: Buffer): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + content.length, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, content]);
};
const data = Buffer.from('gyroscope '.repeat(50));

it.each([
  ['what an editor leaves', () => [box('free', data), box('udta', data), box('wide', Buffer.alloc(0))]],
  ['a second index without media', async () => [indexOf(await clip('silent'))]],
  ['media of nothing', () => [box('ftyp', Buffer.from('isom0000')), box('mdat', data)]],
  ['a camera’s own data', () => [data]],
])('one film was never taken for two: %s behind it', async (_name, behind) => {
  const whole = await clip('silent');
  expect(await nextIn(Buffer.concat([whole, ...(await behind())]))).toBeUndefined();
});

it('fragments that say again what they are, as downloaders join them, are one film', async () => {
  const whole = await film(FRAGMENTS);
  const beginning = whole.subarray(0, whole.indexOf('moof') - 4);
  const middle = whole.indexOf('moof', whole.length / 2) - 4;
  expect(await nextIn(Buffer.concat([whole.subarray(0, middle), beginning, whole.subarray(middle)]))).toBeUndefined();
});

it('a large AVI goes on in further parts', async () => {
  const further = Buffer.concat([Buffer.from('RIFF'), Buffer.alloc(4), Buffer.from('AVIX'), data]);
  further.writeUInt32LE(4 + data.length, 4);
  expect(await nextIn(Buffer.concat([await film('-c:v mpeg4 -f avi'), further]))).toBeUndefined();
});

function indexOf(mp4: Buffer): Buffer {
  const at = mp4.indexOf('moov') - 4;
  return mp4.subarray(at, at + mp4.readUInt32BE(at));
}
