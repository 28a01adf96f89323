import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adviceFor, type ErrorCode } from '../../../src/core/errors.ts';
import { activeChildren } from '../../../src/platform/process/run-child.ts';
import { recordingContext } from '../../contract/engine.ts';
import { footage, footageCopy } from '../../support/footage.ts';
import { engineFor, inWorkDir, orderFor, refusal, share } from './support.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shrinkbox-bad-'));
});
afterAll(async () => await rm(directory, { recursive: true }));

const written = (name: string, content: string | Buffer) => async () => {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
};
const secret = () => join(directory, 'secret.ts');

async function fragments(): Promise<Buffer> {
  const path = join(directory, 'fragments.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc=r=25:s=64x48', '-t', '4', '-c:v', 'libx264', '-preset', 'ultrafast'];
  const flags = 'frag_keyframe+empty_moov+default_base_moof';
  await promisify(execFile)('ffmpeg', ['-v', 'error', ...picture, '-g', '25', '-movflags', flags, path]);
  return await readFile(path);
}

/** The beginning of a recording of two sectors, so many of which are lacking. */
function wtv(lacking: 0 | 1): Buffer {
  const bytes = Buffer.alloc((2 - lacking) * 4096, 7);
  bytes.write('b7d800203749da11a64e0007e95ead8d8cc3d2c27e9ada118bf70007e95ead8d', 'hex');
  bytes.writeUInt32LE(2, 0x5c);
  return bytes;
}

const HLS = () => `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${secret()}\n#EXT-X-ENDLIST\n`;

const cases: [string, () => Promise<string>, ErrorCode, RegExp][] = [
  ['zero bytes', written('zero.mp4', ''), 'not-media', /^zero.mp4 is empty \(0 bytes\)$/],
  ['text', written('notes.mp4', 'buy milk\n'), 'not-media', /^notes.mp4 is not a video: it is text$/],
  ['a web page', written('page.mp4', '<!DOCTYPE html>\n<html>é'), 'not-media', /it is a web page/],
  ['zeros', written('zeros.mp4', Buffer.alloc(100_000)), 'not-media', /nothing but zeros/],
  [
    'random bytes',
    written('random.mp4', Buffer.from(Array.from({ length: 9_000 }, (_, at) => (at * at * 31 + 7) % 251))),
    'not-media',
    /random.mp4 (is not a video|is incomplete)/,
  ],
  ['half a file, its index lost', () => footage('cutShort'), 'incomplete-media', /its index \(moov\) is missing/],
  ['half a file, its index first', () => footage('cutInside'), 'incomplete-media', /its end is missing/],
  ['half a Matroska file', () => footage('cutMatroska'), 'incomplete-media', /its end is missing/],
  // Was, of both: "is not a video, or is damaged beyond recognition".
  [
    'a TV recording (WTV) that was cut',
    written('cut.wtv', wtv(1)),
    'incomplete-media',
    /^cut.wtv is incomplete: its end is missing$/,
  ],
  [
    'a TV recording (WTV) whose directory is damaged',
    written('spoiled.wtv', wtv(0)),
    'not-media',
    /^spoiled.wtv begins as WTV does, but is damaged: ffmpeg finds no film in it$/,
  ],
  // Was: the second was crammed into the time of the first, and the original deleted.
  [
    'two Matroska films, one behind the other',
    async () => {
      const film = await readFile(await footage('vfr'));
      return written('two.mkv', Buffer.concat([film, film]))();
    },
    'cannot-do',
    /holds two films, one behind the other/,
  ],
  // Was: done, with a note that something behind the film was left out.
  [
    'two MP4 films, one behind the other',
    async () => {
      const film = await readFile(await footage('silent'));
      return written('two.mp4', Buffer.concat([film, film]))();
    },
    'cannot-do',
    /holds two films, one behind the other/,
  ],
  // Was: all frames of both in the time of one.
  [
    'fragments whose clock starts again, as of a stream with an interruption',
    async () => {
      const film = await fragments();
      return written('stream.mp4', Buffer.concat([film, film.subarray(film.indexOf('moof') - 4)]))();
    },
    'not-media',
    /the timestamps of stream.mp4 cannot be repaired/,
  ],
  ['sound only', () => footage('soundOnly'), 'no-video', /^sound.mp4 has sound but no moving picture$/],
  ['sound with a cover', () => footage('coverOnly'), 'no-video', /has sound but no moving picture/],
  [
    'a picture',
    () => footageCopy('picture', directory, 'photo.mp4'),
    'not-media',
    /^photo.mp4 is not a video: it is a picture \(PNG\)$/,
  ],
  ['one frame', () => footage('oneFrame'), 'no-video', /lasts 0 seconds/],
  [
    'an HLS playlist',
    async () => await written('hls.mp4', HLS())(),
    'unsafe-media',
    /^hls.mp4 is not a video: it is an HLS playlist, a list of other files/,
  ],
  [
    'an ffconcat list',
    async () => await written('list.mp4', `ffconcat version 1.0\nfile '${secret()}'\n`)(),
    'unsafe-media',
    /ffconcat list/,
  ],
  [
    'a DASH playlist',
    written('dash.mp4', '<?xml version="1.0"?>\n<MPD><BaseURL>file:///etc/</BaseURL></MPD>'),
    'unsafe-media',
    /DASH playlist/,
  ],
  ['a bomb of 16000x16000', () => footage('bomb'), 'unsafe-media', /has pictures .*at most 67 million \(8192x8192\)/],
  ['a name on two lines', written('two\nlines.mp4', 'text'), 'not-media', /^two\?lines.mp4 is not a video/],
];

it.each(cases)('%s', async (_name, make, code, message) => {
  await footageCopy('transport', directory, 'secret.ts');
  const source = await make();
  const began = performance.now();
  const error = await inWorkDir(async workDir => {
    const { context } = recordingContext({ workDir });
    return await refusal((await engineFor()).run(await orderFor(source, share(0.5)), context));
  });
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
  // Nobody has to wait for it, nothing is tried again, and what the report says is one line.
  expect(adviceFor(error.code).kind).toBe(error.code === 'cannot-do' ? 'hold' : 'fail');
  expect(error.message).not.toContain('\n');
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(activeChildren()).toEqual([]);
});

it('a sparse file of 50 GB that claims to be a video is refused without reading it all', async () => {
  const path = join(directory, 'huge.mp4');
  const head = Buffer.alloc(32);
  head.writeUInt32BE(24, 0);
  head.write('ftypisom', 4, 'latin1');
  await writeFile(path, head);
  await truncate(path, 50e9);
  const began = performance.now();
  const error = await inWorkDir(async workDir => {
    return await refusal(
      (await engineFor()).run(await orderFor(path, share(0.5)), recordingContext({ workDir }).context),
    );
  });
  expect(['not-media', 'incomplete-media']).toContain(error.code);
  expect(performance.now() - began).toBeLessThan(20_000);
});
