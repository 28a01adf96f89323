/** Files made to hurt whoever opens them: each ends soon, in a result that keeps its promise or in a reason. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adviceFor, type ErrorCode } from '../../../src/core/errors.ts';
import { type Target, targetBytes } from '../../../src/core/target.ts';
import { activeChildren } from '../../../src/platform/process/run-child.ts';
import { recordingContext } from '../../contract/engine.ts';
import { footage, realTools } from '../../support/footage.ts';
import { box, numbers, rebuilt, withFfmpeg } from '../../engine/local/hostile-files.ts';
import { bytes, engineFor, inWorkDir, orderFor, refusal, share, shrink, TARGET } from '../../engine/local/support.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-hostile-'));
});
afterAll(async () => await rm(dir, { recursive: true }));
afterEach(() => expect(activeChildren()).toEqual([]));

const written =
  (name: string, text: string, encoding: BufferEncoding = 'utf8') =>
  async () => {
    await writeFile(join(dir, name), text, encoding);
    return join(dir, name);
  };
/** A box of `tiny` with other contents. */
const forged = (name: string, path: string, rebuild: (payload: Buffer) => Buffer) => () =>
  rebuilt('tiny', join(dir, `${name}.mp4`), path, rebuild);
const SAMPLES = 'moov/trak/mdia/minf/stbl';

describe('refused, with a reason, at once and for good', () => {
  const refusals: [string, () => Promise<string>, ErrorCode[], RegExp][] = [
    [
      'a list of other files behind a byte order mark, named .mov',
      written('list.mov', '\ufeff#EXTM3U\n#EXT-X-MAP:URI="/etc/passwd"\n'),
      ['unsafe-media'],
      /list of other files/,
    ],
    [
      'a list of other files behind more blanks than are looked at',
      written('blanks.mp4', `${'\n'.repeat(600)}#EXTM3U\n#EXTINF:9,\n/etc/passwd\n`),
      ['not-media', 'unsafe-media'],
      /not a video/,
    ],
    [
      'a concat script in UTF-16',
      written('wide.mkv', "ffconcat version 1.0\nfile '/etc/passwd'\n", 'utf16le'),
      ['not-media', 'unsafe-media'],
      /not a video/,
    ],
    [
      'an MP3 with a picture in it, named .mp4',
      written('song.mp4', `ID3\x04\0\0\0\0\x0f\x76APIC\0\0\x0f\x6c\0\0image/png${'\0'.repeat(900)}`, 'latin1'),
      ['not-media'],
      /sound \(MP3\)/,
    ],
    [
      'ID3 in front of a transport stream',
      async () => {
        const tag = Buffer.from('ID3\x04\0\0\0\0\0\x0aAPIC\0\0\0\0\0\0', 'latin1');
        await writeFile(join(dir, 'id3.mp4'), Buffer.concat([tag, await readFile(await footage('transport'))]));
        return join(dir, 'id3.mp4');
      },
      ['not-media'],
      /sound \(MP3\)/,
    ],
    [
      'four hundred million samples of four bytes each, it says',
      forged('samples', `${SAMPLES}/stsz`, () => numbers(0, 1, 0x18000000)),
      ['not-media', 'unsafe-media', 'incomplete-media', 'no-video'],
      /./,
    ],
    [
      'five thousand tracks',
      async () => {
        const bytes = await readFile(await footage('tiny'));
        const at = bytes.indexOf('trak') - 4;
        const track = bytes.subarray(at, at + bytes.readUInt32BE(at));
        const all = Array.from({ length: 5_000 }, () => track);
        return await rebuilt('tiny', join(dir, 'tracks.mp4'), 'moov', payload => Buffer.concat([payload, ...all]));
      },
      ['unsafe-media'],
      /more memory/,
    ],
    [
      'boxes in boxes, ten thousand deep',
      async () => {
        const depth = 10_000;
        const boxes = Buffer.alloc(8 * depth);
        for (let n = 0; n < depth; n += 1) {
          boxes.writeUInt32BE(8 * (depth - n), 8 * n);
          boxes.write('trak', 8 * n + 4, 'latin1');
        }
        const path = join(dir, 'deep.mp4');
        await writeFile(path, Buffer.concat([box('ftyp', Buffer.from('isom\0\0\0\0')), box('moov', boxes)]));
        return path;
      },
      ['not-media', 'incomplete-media', 'no-video'],
      /./,
    ],
    [
      'a size below zero, 64 bits of it',
      async () => {
        const bytes = await readFile(await footage('tiny'));
        const wide = Buffer.alloc(16);
        wide.writeUInt32BE(1, 0);
        wide.write('moov', 4, 'latin1');
        wide.writeBigInt64BE(-16n, 8);
        await writeFile(join(dir, 'below.mp4'), Buffer.concat([bytes.subarray(0, 32), wide]));
        return join(dir, 'below.mp4');
      },
      ['not-media', 'incomplete-media'],
      /./,
    ],
    [
      'one frame a day for half a year, in 7 kB',
      () => made('days.mkv', 'testsrc2=size=64x64:rate=1/86400:duration=15552000', '-c:v libx264 -preset ultrafast'),
      ['cannot-fit'],
      /does not go into 62.0 kB: each of its 180 pictures/,
    ],
  ];

  it.each(refusals)('%s', async (_name, make, codes, message) => {
    const source = await make();
    const error = await inWorkDir(async workDir => {
      const { context } = recordingContext({ workDir });
      return await refusal((await engineFor()).run(await orderFor(source, share(0.5)), context));
    });
    expect(codes).toContain(error.code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/\n|passwd/);
    expect(['fail', 'hold']).toContain(adviceFor(error.code).kind);
  });
});

const made = (name: string, picture: string, args: string) => withFfmpeg(dir, name, `-f lavfi -i ${picture} ${args}`);
const joined = async (name: string, ...pictures: string[]) => {
  const parts: Buffer[] = [];
  for (const [n, picture] of pictures.entries()) {
    const args = `-c:v libx264 -preset ultrafast -muxdelay 0 -output_ts_offset ${n}`;
    parts.push(await readFile(await made(`part-${n}.ts`, `testsrc2=rate=25:duration=1:${picture}`, args)));
  }
  await writeFile(join(dir, name), Buffer.concat(parts));
  return join(dir, name);
};

describe('taken, and what comes out keeps its promise', () => {
  const taken: [string, () => Promise<string>, Partial<Target>][] = [
    ['an edit list that begins before everything and lasts for ever', forgedEdits, share(0.5)],
    [
      'its header says it lasts 49 days',
      forged('days', 'moov/mvhd', payload => {
        const header = Buffer.from(payload);
        header.writeUInt32BE(0xffff_fff0, 16);
        return header;
      }),
      share(0.5),
    ],
    ['the picture grows tenfold in the middle', () => joined('grows.ts', 'size=160x90', 'size=640x480'), share(0.3)],
    [
      'the picture shrinks and turns in the middle',
      () => joined('turns.ts', 'size=320x180', 'size=90x160'),
      share(0.5),
    ],
    [
      '8 pixels wide, 8000 high',
      () => made('thin.mkv', 'testsrc2=size=8x8000:rate=5:duration=1', '-c:v ffv1'),
      share(0.5),
    ],
    [
      'its data stand in another file, says a reference',
      forged('elsewhere', 'moov/trak/mdia/minf/dinf/dref', () =>
        Buffer.concat([numbers(0, 1), box('url ', numbers(0), Buffer.from('file:///etc/passwd\0'))]),
      ),
      share(0.5),
    ],
    [
      'pixels a thousand times as high as wide',
      async () => {
        const bytes = await readFile(
          await withFfmpeg(dir, 'aspect.mp4', `-i ${await footage('tiny')} -c copy -aspect 2`),
        );
        bytes.writeUInt32BE(1_000_000, bytes.indexOf('pasp') + 8);
        await writeFile(join(dir, 'aspect.mp4'), bytes);
        return join(dir, 'aspect.mp4');
      },
      share(0.5),
    ],
    [
      'a subtitle of 300 kB, more than an MP4 can carry',
      async () => {
        await writeFile(join(dir, 'long.srt'), `1\n00:00:00,000 --> 00:00:00,900\n${'word '.repeat(60_000)}\n`);
        const clip = await footage('tiny');
        return await withFfmpeg(dir, 'long.mkv', `-i ${clip} -i {dir}/long.srt -map 0 -map 1 -c copy -c:s srt`);
      },
      bytes(30_000),
    ],
    [
      'a playlist as an attachment, with a name on two lines that leads elsewhere and paints the terminal',
      async () => {
        await writeFile(join(dir, 'evil'), '#EXTM3U\n#EXTINF:9,\n/etc/passwd\n');
        const name = '../../../../tmp/shrinkbox-was-here\n\u001b[2J';
        const names = `-metadata:s:2 mimetype=text/plain -metadata:s:2 filename=${name}`;
        return await withFfmpeg(dir, 'att.mkv', `-i ${await footage('tiny')} -attach {dir}/evil ${names} -c copy`);
      },
      share(0.5),
    ],
  ];

  async function forgedEdits(): Promise<string> {
    const edits = numbers(0, 2, 0x7fff_ffff, 0xffff_ffff, 0x10000, 1_000, 0, 0x10000);
    return await rebuilt('tiny', join(dir, 'edits.mp4'), 'moov/trak/edts/elst', () => edits);
  }

  it.each(taken)('%s', async (_name, make, target) => {
    const path = await make();
    const most = targetBytes({ ...TARGET, ...target }, (await stat(path)).size) ?? 0;
    await shrink({ path }, target, ({ candidate, verified }) => {
      expect(candidate.bytes).toBeLessThanOrEqual(most);
      expect(verified.evidence).toMatch(/^decoded \d+ frames/);
      for (const sentence of [candidate.how, ...candidate.notes]) expect(sentence).not.toMatch(/\p{Cc}/u);
    });
    expect(await readdir(tmpdir())).not.toContain('shrinkbox-was-here');
  });
});

describe('whoever decodes is held', () => {
  it('every child has a ceiling for memory and time, every ffmpeg one for what it writes, and sources are files only', async () => {
    const tools = await realTools();
    const log = join(dir, 'log');
    for (const name of ['ffmpeg', 'ffprobe'] as const) {
      const script = `#!/bin/sh\necho "$(ulimit -v) $(ulimit -t) $(ulimit -f) ${name} $*" >> '${log}'\nexec ${tools[name]} "$@"\n`;
      await writeFile(join(dir, name), script);
      await chmod(join(dir, name), 0o755);
    }
    const watched = { ...tools, ffmpeg: join(dir, 'ffmpeg'), ffprobe: join(dir, 'ffprobe') };
    const source = await footage('tiny');
    await inWorkDir(async workDir => {
      const engine = await engineFor({ tools: watched });
      await engine.run(await orderFor(source, share(0.5)), recordingContext({ workDir }).context);
    });
    const calls = (await readFile(log, 'utf8')).trim().split('\n');
    expect(calls.length).toBeGreaterThan(4);
    for (const call of calls) {
      const [memory, cpu, written] = call.split(' ');
      expect(Number(memory), call).toBeLessThan(64 * 2 ** 20);
      expect(Number(cpu), call).toBeGreaterThan(0);
      // ffprobe has nothing to write but its answer.
      if (call.includes(' ffmpeg ')) expect(Number(written), call).toBeGreaterThan(0);
      if (call.includes(`file:${source}`))
        expect(call).toMatch(/-protocol_whitelist file -format_whitelist \S+ -max_pixels \d+/);
    }
  });
});
