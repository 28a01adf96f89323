import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MediaFacts } from '../../../src/core/media-info.ts';
import { assembleFacts } from '../../../src/media/probe/media-info.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { NO_SIGNS } from '../../../src/media/probe/signs.ts';
import { mainVideo, type ProbeOutput, type ProbeStream } from '../../../src/media/probe/streams.ts';
import { canMake, footage, footageCopy, type FootageName, realTools } from '../../support/footage.ts';
import { ownFile } from '../../../src/platform/files/files.ts';

it('a second ffprobe was started for every small file: a fiftieth of a short job, twice', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'shrinkbox-probe-'));
  try {
    const tools = await realTools();
    const list = join(directory, 'list');
    const counted = join(directory, 'ffprobe');
    const script = (more: string) => `#!/bin/sh\necho "$*" >> '${list}'\n${more}exec '${tools.ffprobe}' "$@"\n`;
    await writeFile(counted, script(''), { mode: 0o755 });
    // As a camera writes it: what ffmpeg copied is looked through for pictures of another size.
    const file = join(directory, 'camera.mp4');
    const copy = ['-map', '0:v:0', '-map', '0:a:0', '-c', 'copy', '-fflags', '+bitexact'];
    await promisify(execFile)(tools.ffmpeg, ['-v', 'error', '-i', await footage('tracks'), ...copy, file]);
    const once = await probe(ownFile(file), { tools: { ...tools, ffprobe: counted } });
    expect((await readFile(list, 'utf8')).trim().split('\n').length).toBe(1);
    // Where anything is said it is asked step by step, and learns the same.
    await writeFile(counted, script(`case "$*" in *compact*) echo odd >&2;; esac\n`), { mode: 0o755 });
    expect(await probe(ownFile(file), { tools: { ...tools, ffprobe: counted } })).toEqual(once);
    expect((await readFile(list, 'utf8')).trim().split('\n').length).toBe(4);
  } finally {
    await rm(directory, { recursive: true });
  }
});

const holding = (item: object): unknown => expect.arrayContaining([expect.objectContaining(item)]);

describe('facts', () => {
  const cases: [FootageName, object][] = [
    [
      'plain',
      {
        durationS: 6,
        startS: 0,
        audio: [{ codec: 'aac', channels: 1 }],
        video: { codec: 'h264', frames: 180, fps: 30, variableFrameRate: false },
      },
    ],
    ['silent', { audio: [] }],
    ['vfr', { video: { variableFrameRate: true, frames: 105 } }],
    ['odd', { video: { width: 321, height: 181, displayWidth: 321, displayHeight: 181, pixelFormat: 'yuv444p' } }],
    ['rotated', { video: { width: 640, height: 360, displayWidth: 360, displayHeight: 640, rotation: 90 } }],
    ['anamorphic', { video: { width: 360, displayWidth: 512, displayHeight: 288 } }],
    ['fullRange444', { video: { color: { range: 'pc' } } }],
    ['interlaced', { video: { codec: 'mpeg2video', interlaced: true, fps: 25 } }],
    ['transport', { startS: 36_000, durationS: 4, clockJumps: 0 }],
    ['joined', { clockJumps: 1 }],
    ['forged', { durationS: 6 }],
    ['fragmented', { video: { frames: 180 } }],
    ['chapters', { chapters: 2, creationTime: '2021-03-04T05:06:07Z', location: '+48.8577+002.2950/' }],
    [
      'timecode',
      { inventory: holding({ kind: 'data', what: expect.objectContaining({ text: 'time code (tmcd)' }) as unknown }) },
    ],
    [
      'cover',
      {
        inventory: holding({ kind: 'cover', what: expect.objectContaining({ text: 'cover art (png)' }) as unknown }),
        video: { codec: 'h264' },
      },
    ],
    ['surround', { audio: [{ codec: 'ac3', channels: 6 }] }],
    [
      'tracks',
      {
        audio: [{ language: 'ger' }, { language: 'eng', codec: 'flac' }],
        subtitles: [{ codec: 'subrip', text: true, language: 'eng' }, { language: 'ger' }],
      },
    ],
    ['hdr10', { video: { hdr: 'pq', bitDepth: 10, color: { primaries: 'bt2020' } } }],
    ['avi', { container: 'avi', durationS: 4, video: { frames: 100 } }],
    ['webm', { video: { codec: 'vp9' }, audio: [{ codec: 'opus' }] }],
  ];
  it.each(cases)('%s', async (name, expected) => {
    if (!(await canMake(name))) return;
    const facts: MediaFacts = await probe(ownFile(await footage(name)), { tools: await realTools() });
    expect(facts).toMatchObject(expected);
  });

  it('sizes of the tracks add up to nearly the file', async () => {
    const facts = await probe(ownFile(await footage('plain')), { tools: await realTools() });
    const tracks = facts.video.bytes + (facts.audio[0]?.bytes ?? 0);
    expect(tracks).toBeLessThan(facts.bytes);
    expect(tracks).toBeGreaterThan(facts.bytes * 0.98);
  });

  it('the sound’s start against the picture’s is known', async () => {
    const facts = await probe(ownFile(await footage('syncLate')), { tools: await realTools() });
    expect((facts.audio[0]?.startS ?? 0) - facts.startS).toBeCloseTo(1.2, 1);
  });
});

describe('a small file whose tables claim more than it can hold', () => {
  it.each([
    'endlessEdits', // was: read for 130 s, twice, while every other file waited
    'countless', // was: each child built an index of 40 million frames, in 1 GB of memory
  ] as const)('%s is refused before it costs anything', async name => {
    const refused = probe(ownFile(await footage(name)), { tools: await realTools() });
    await expect(refused).rejects.toMatchObject({
      code: 'unsafe-media',
      messages: { text: { code: 'media.claims-too-much' } },
    });
  });
});

describe('the main picture', () => {
  const line = {
    packets: 2,
    untimed: 0,
    isCut: false,
    overlaps: false,
    hidden: 0,
    bytes: 1,
    startS: 0,
    lastS: 0,
    endS: 1,
    minGapS: 0.5,
    maxGapS: 0.5,
    jumpsBack: 0,
    runsS: 0.5,
    cuts: [],
  };

  const stream = (index: number, more: Partial<ProbeStream> = {}): ProbeStream => ({
    index,
    codec_type: 'video',
    width: 100,
    height: 100,
    ...more,
  });

  const factsOf = (streams: ProbeStream[], main: ProbeStream) =>
    assembleFacts(
      {
        output: { streams } satisfies ProbeOutput,
        main,
        lines: linesFor(streams),
        signs: NO_SIGNS,
        look: { interlaced: false },
      },
      { decodable: new Set(), bytes: 10 },
    );
  const linesFor = (streams: readonly ProbeStream[], ...changes: Partial<typeof line>[]) =>
    new Map(streams.map(({ index }, at) => [index, { ...line, ...changes[at] }]));
  const mainOf = (streams: ProbeStream[], ...changes: Partial<typeof line>[]) =>
    mainVideo(streams, linesFor(streams, ...changes))?.index;

  it('is the default one, else the largest, and never cover art', () => {
    expect(mainOf([stream(0), stream(1, { width: 200 })])).toBe(1);
    expect(mainOf([stream(0, { disposition: { default: 1 } }), stream(1, { width: 200 })])).toBe(0);
    expect(mainOf([stream(0, { width: 900, disposition: { attached_pic: 1, default: 1 } }), stream(1)])).toBe(1);
    expect(mainOf([{ index: 0, codec_type: 'audio' }])).toBeUndefined();
  });

  it('was the large still beside a small film: "a single picture, not a video"', () => {
    const film = stream(0);
    const still = stream(1, { width: 1920, height: 1080, disposition: { default: 1 } });
    expect(mainOf([film, still], { packets: 122, endS: 4 }, { packets: 1, endS: 1 })).toBe(0);
    // A preview of a few pictures a minute is no film either.
    expect(mainOf([film, still], { packets: 1800, endS: 60 }, { packets: 3, endS: 20 })).toBe(0);
    // A second camera that was switched on a little later is one.
    expect(mainOf([film, still], { packets: 1800, endS: 60 }, { packets: 1700, endS: 57 })).toBe(1);
  });

  it('a second one is part of the inventory', () => {
    const streams = [stream(0, { codec_name: 'h264' }), stream(1, { codec_name: 'hevc' })];
    const { inventory } = factsOf(streams, streams[0] as ProbeStream);
    expect(inventory).toEqual(holding({ kind: 'second-picture', track: 1, value: 'hevc' }));
  });

  it('rotation is clockwise, from the matrix or from the old tag', () => {
    const rotation = (more: Partial<ProbeStream>) => factsOf([stream(0, more)], stream(0, more)).video.rotation;
    expect(rotation({ side_data_list: [{ rotation: -90 }] })).toBe(90);
    expect(rotation({ side_data_list: [{ rotation: 90 }] })).toBe(270);
    expect(rotation({ side_data_list: [{ rotation: -180 }] })).toBe(180);
    expect(rotation({ tags: { rotate: '90' } })).toBe(90);
    expect(rotation({})).toBe(0);
  });
});

describe('names', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shrinkbox-names-'));
  });
  afterAll(async () => await rm(directory, { recursive: true }));

  const names = [
    '-vf.mp4',
    'concat:a|b.mp4',
    'with "quotes" and \'more\'.mp4',
    'two\nlines.mp4',
    '🎬 emoji.mp4',
    '100% %03d.mp4',
    ' blank .mp4',
    `${'x'.repeat(251)}.mp4`,
    'http:host.mp4',
    '$(touch x).mp4',
  ];
  it.each(names)('%j is just a name', async name => {
    const facts = await probe(ownFile(await footageCopy('tiny', directory, name)), { tools: await realTools() });
    expect(facts.video.frames).toBe(15);
  });

  it('a missing file and one behind a broken link are gone', async () => {
    const options = { tools: await realTools() };
    await expect(probe(ownFile(join(directory, 'nothing.mp4')), options)).rejects.toMatchObject({ code: 'gone' });
    await symlink(join(directory, 'nowhere'), join(directory, 'link.mp4'));
    await expect(probe(ownFile(join(directory, 'link.mp4')), options)).rejects.toMatchObject({ code: 'gone' });
  });

  it('a directory named like a video is no video', async () => {
    await expect(probe(ownFile(directory), { tools: await realTools() })).rejects.toMatchObject({
      name: 'ShrinkError',
    });
  });

  it('stops on request', async () => {
    const promise = probe(ownFile(await footage('plain')), { tools: await realTools(), signal: AbortSignal.abort() });
    await expect(promise).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('an ffprobe that is killed from outside says nothing about the file (was: failed for good, "asks for more memory")', async () => {
    const ffprobe = join(directory, 'killed');
    await writeFile(ffprobe, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
    const tools = { ...(await realTools()), ffprobe };
    await expect(probe(ownFile(await footage('tiny')), { tools })).rejects.toMatchObject({ code: 'out-of-memory' });
  });

  it('an ffprobe that answers nonsense is not believed', async () => {
    const path = join(directory, 'nonsense');
    await writeFile(path, '#!/bin/sh\necho "not json"\n', { mode: 0o755 });
    const tools = { ...(await realTools()), ffprobe: path };
    await expect(probe(ownFile(await footage('tiny')), { tools })).rejects.toMatchObject({ code: 'not-media' });
  });
});
