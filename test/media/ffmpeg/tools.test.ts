import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import {
  findTools,
  parseDecodable,
  parseDemuxers,
  parseEncoders,
  parseFilters,
  parseOptions,
  parseSvtVersion,
  parseVersion,
  whatIsLacking,
} from '../../../src/media/ffmpeg/tools.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { openBelow } from '../../../src/platform/files/door.ts';
import { nodeFiles } from '../../../src/platform/files/files.ts';
import { footage, realTools } from '../../support/footage.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shrinkbox-tools-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

async function script(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

async function failure(options: Parameters<typeof findTools>[0]): Promise<ShrinkError> {
  const error: unknown = await findTools(options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ShrinkError);
  return error as ShrinkError;
}

describe('finding ffmpeg', () => {
  it('finds the one on PATH and knows what it can do', async () => {
    const tools = await findTools();
    expect(tools.ffmpeg).toMatch(/^\/.*ffmpeg/);
    expect(tools.version).toMatch(/\d/);
    for (const encoder of ['libx264', 'aac', 'mov_text']) expect(tools.encoders.has(encoder)).toBe(true);
    for (const codec of ['h264', 'hevc', 'aac', 'mp3', 'msmpeg4v3', 'png'])
      expect(tools.decodable.has(codec)).toBe(true);
    for (const filter of ['scale', 'aresample', 'select', 'crop']) expect(tools.filters.has(filter)).toBe(true);
    for (const demuxer of ['mov', 'mp4', 'matroska', 'webm', 'mpegts', 'avi'])
      expect(tools.demuxers.has(demuxer)).toBe(true);
    expect(tools.options.has('max_pixels')).toBe(true);
  });

  it('without one: one clear line, with the command for each system', async () => {
    const error = await failure({ path: directory });
    expect(error.code).toBe('tool-missing');
    expect(error.message).toBe('ffmpeg was not found');
    for (const command of ['apt install ffmpeg', 'dnf install ffmpeg', 'brew install ffmpeg'])
      expect(error.hint).toContain(command);
  });

  it('a path from the config that leads nowhere', async () => {
    expect((await failure({ ffmpeg: join(directory, 'ffmpeg') })).message).toMatch(/ffmpeg was not found/);
  });

  it('a program that does not start, or is not ffmpeg', async () => {
    const broken = await script(
      'ffmpeg',
      'echo "ffmpeg: error while loading shared libraries: libx264.so" >&2; exit 127',
    );
    await script('ffprobe', 'exit 0');
    const error = await failure({ ffmpeg: broken });
    expect(error.message).toMatch(/does not work.*shared libraries/);
  });

  it('one that cannot write H.264, as Fedora’s own', async () => {
    const { ffmpeg } = await realTools();
    const lame = await script('ffmpeg', `'${ffmpeg}' "$@" | sed 's/libx264 /libnothing /'`);
    await script('ffprobe', 'exit 0');
    const error = await failure({ ffmpeg: lame });
    expect(error.message).toMatch(/cannot encode H.264: it was built without libx264/);
    expect(error.hint).toContain('dnf');
  });

  it('the ffprobe beside a configured ffmpeg is used', async () => {
    const real = await realTools();
    const own = await script('ffmpeg-7', `exec '${real.ffmpeg}' "$@"`);
    await script('ffprobe-7', `exec '${real.ffprobe}' "$@"`);
    expect((await findTools({ ffmpeg: own })).ffprobe).toBe(join(directory, 'ffprobe-7'));
  });
});

describe('listings of several versions', () => {
  it('version', () => {
    expect(parseVersion('ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026')).toBe('5.1.9-0+deb12u1');
    expect(parseVersion('ffmpeg version n8.0-12-gabc Copyright')).toBe('n8.0-12-gabc');
    expect(parseVersion('something else')).toBe('unknown version');
  });

  it('the version of SVT-AV1, from how it introduces itself', () => {
    expect(parseSvtVersion('Svt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v1.4.1\n')).toBe('1.4.1');
    expect(parseSvtVersion('Svt[info]: SVT [version]:\tSVT-AV1 Encoder Lib 2.3.0-rc1\n')).toBe('2.3.0-rc1');
    expect(parseSvtVersion('nothing')).toBeUndefined();
  });

  it('encoders and codecs', () => {
    const legend = ' V..... = Video\n ------\n';
    expect([
      ...parseEncoders(`${legend} V....D libx264              libx264 H.264\n A....D aac                  AAC\n`),
    ]).toEqual(['libx264', 'aac']);
    expect([
      ...parseDecodable(
        ' D..... = Decoding supported\n -------\n DEV.LS h264     H.264\n D.A.L. atrac9    ATRAC9\n ..V.L. nothing  x\n DEVIL. av1   x\n',
      ),
    ]).toEqual(['h264', 'atrac9', 'av1']);
  });

  it('filters of 5.1 and of 8, which dropped a column', () => {
    expect([
      ...parseFilters(
        ' ... = Timeline\n T.C bwdif             V->V       Deinterlace\n TSC scale             V->V       x\n',
      ),
    ]).toEqual(['bwdif', 'scale']);
    expect([...parseFilters(' .. tonemap           V->V       Convert\n')]).toEqual(['tonemap']);
  });

  it('demuxers of 5.1 and of 7, which added a column', () => {
    expect([...parseDemuxers(' D  mov,mp4,m4a     QuickTime / MOV\n DE avi  AVI\n D  dv  DV\n  E nut NUT\n')]).toEqual([
      'mov',
      'mp4',
      'm4a',
      'avi',
      'dv',
    ]);
    const newer = ' D   matroska,webm   Matroska\n D   dv  DV\n DE  flv  FLV\n D d lavfi  x\n';
    expect([...parseDemuxers(newer)]).toEqual(['matroska', 'webm', 'dv', 'flv', 'lavfi']);
  });

  it('options', () => {
    expect([
      ...parseOptions('-fps_mode           set\n  -chunk_duration    <int>        E....\n  -chunk_duration_ms <int>\n'),
    ]).toEqual(['fps_mode', 'chunk_duration']);
    const setts =
      '  -duration          <string>     ...VAS..B.. set expression for packet duration (default "DURATION")\n';
    expect([...parseOptions(setts)]).toEqual(['setts_duration']);
    expect([...parseOptions('  -duration          <duration>   ..FV....... set video duration\n')]).toEqual([]);
  });

  it('what is lacking is said as the end of a sentence', () => {
    const fine = {
      encoders: new Set(['libx264', 'aac']),
      decodable: new Set<string>(),
      filters: new Set<string>(),
      demuxers: new Set(['mov']),
      options: new Set(['format_whitelist', 'protocol_whitelist', 'max_pixels']),
    };
    expect(whatIsLacking(fine)).toBeUndefined();
    expect(whatIsLacking({ ...fine, encoders: new Set(['libx264']) })?.text).toBe('cannot encode AAC sound');
    expect(whatIsLacking({ ...fine, options: new Set() })?.text).toMatch(/too old/);
  });
});

describe.skipIf(process.platform !== 'linux')('a program in place of ffmpeg', () => {
  const wrapped = async (before: string) => {
    const { ffmpeg, ffprobe } = await realTools();
    return {
      ffmpeg: await script('ffmpeg', `${before}\nexec ${ffmpeg} "$@"`),
      ffprobe: await script('ffprobe', `${before}\nexec ${ffprobe} "$@"`),
    };
  };

  it('that keeps descriptors back reads our files all the same (the video was said to be gone)', async () => {
    const tools = await findTools(await wrapped('exec 3<&-'));
    expect(tools.inputsBy).toBe('proc');
    const path = await footage('sync');
    const clip = await openBelow(dirname(path), [basename(path)], nodeFiles);
    try {
      await expect(probe(clip, { tools })).resolves.toMatchObject({ video: { codec: 'h264' } });
    } finally {
      await clip.close();
    }
    await expect(findTools(await wrapped(':'))).resolves.toMatchObject({ inputsBy: 'descriptor' });
  });

  it('that cannot reach them is refused with the reason', async () => {
    const { ffprobe } = await realTools();
    const elsewhere = `for a; do shift; case $a in *proc/*) a=file:/nowhere;; esac; set -- "$@" "$a"; done`;
    const ffmpeg = await script('ffmpeg', `${elsewhere}\nexec ${(await realTools()).ffmpeg} "$@"`);
    const error = await failure({ ffmpeg, ffprobe });
    expect(error.message).toContain('has to hand on the open file it gets (descriptor 3)');
  });
});
