import { describe, expect, it } from 'vitest';
import { say } from '../../../../src/messages/say.ts';
import type { MediaFacts } from '../../../../src/core/media-info.ts';
import type { Target } from '../../../../src/core/target.ts';
import {
  choose,
  describeChoice,
  insteadOfCopy,
  withPossibleCodec,
} from '../../../../src/engine/local/plan/strategy.ts';
import { audioTrack, facts } from '../facts.ts';
import { TARGET } from '../support.ts';

const MB = 1_000_000;
const size = (megabytes: number): Partial<Target> => ({ size: { kind: 'bytes', bytes: megabytes * MB } });
const order = (source: MediaFacts, target: Partial<Target>) => ({
  job: 'j',
  source: '/in/clip.mp4',
  sourceBytes: source.bytes,
  target: { ...TARGET, ...target },
});

describe('copy or encode', () => {
  const cases: [string, Parameters<typeof facts>[0], Partial<Target>, string, RegExp][] = [
    ['20 MB into 50 MB', {}, size(50), 'copy', /already fits: 20.0 MB of 50.0 MB/],
    ['20 MB into 20 MB', {}, size(20), 'copy', /already fits/],
    ['20 MB into 10 MB', {}, size(10), 'encode size 10000000', /20.0 MB must become 10.0 MB/],
    [
      'into a bit rate of the whole file, by its length',
      {},
      { size: { kind: 'rate', bitsPerSecond: 2_000_000 } },
      'encode size 15000000',
      /must become 15.0 MB/,
    ],
    [
      'into a bit rate it keeps already',
      {},
      { size: { kind: 'rate', bitsPerSecond: 4_000_000 } },
      'copy',
      /already fits: 20.0 MB of 30.0 MB/,
    ],
    ['into a share', {}, { size: { kind: 'share', share: 0.25 } }, 'encode size 5000000', /must become 5.00 MB/],
    [
      'it fits, but 480p is asked for',
      {},
      { ...size(50), resolution: { kind: 'lines', lines: 480 } },
      'encode size 20000000',
      /854x480 was requested/,
    ],
    [
      'it fits, and is smaller than the resolution asked for',
      {},
      { ...size(50), resolution: { kind: 'lines', lines: 1080 } },
      'copy',
      /fits/,
    ],
    [
      'it fits, but has too many frames',
      {},
      { ...size(50), fps: 24 },
      'encode size 20000000',
      /at most 24 frames per second were requested/,
    ],
    ['29.97 frames are at most 30', { video: { fps: 29.97 } }, { ...size(50), fps: 30 }, 'copy', /fits/],
    [
      'it fits, but another codec is asked for',
      {},
      { ...size(50), codec: 'av1' },
      'encode size 20000000',
      /av1 was requested/,
    ],
    ['it fits and has the codec', { video: { codec: 'hevc' } }, { ...size(50), codec: 'h265' }, 'copy', /fits/],
    ['HEVC is fine where no codec is asked for', { video: { codec: 'hevc' } }, size(50), 'copy', /fits/],
    [
      'MPEG-2 cannot stay',
      { video: { codec: 'mpeg2video' } },
      size(50),
      'encode size 20000000',
      /MP4 players do not play mpeg2video/,
    ],
    ['a clock that jumps cannot stay', { clockJumps: 2 }, size(50), 'encode size 20000000', /timestamps jump back/],
    ['its packaging alone is too large', { bytes: 25 * MB }, size(21), 'copy', /repackaged, it fits into 21.0 MB/],
    ['muted it fits', {}, { ...size(19.5), audio: { kind: 'mute' } }, 'copy', /repackaged/],
    ['no size asked for', {}, {}, 'encode quality 19000000', /visually lossless/],
    ['no size, but 480p', {}, { resolution: { kind: 'lines', lines: 480 } }, 'encode quality 20000000', /854x480/],
  ];
  it.each(cases)('%s', (_name, changes, target, expected, why) => {
    const source = facts(changes);
    const choice = choose(source, order(source, target));
    const short = choice.kind === 'copy' ? 'copy' : `encode ${choice.mode} ${choice.capBytes}`;
    expect(short).toBe(expected);
    expect(choice.why.text).toMatch(why);
  });

  it('never asks for more bytes than the source has', () => {
    const source = facts({ video: { codec: 'msmpeg4v3' } });
    const choice = choose(source, order(source, size(500)));
    expect(choice).toMatchObject({ kind: 'encode', capBytes: 20 * MB });
  });

  it('without a size: a copy where re-encoding saves too little; its own size where it cannot be copied', () => {
    const plain = facts();
    expect(choose(plain, order(plain, {}))).toMatchObject({
      otherwise: { kind: 'copy', capBytes: 20.2 * MB + 65_536 },
    });
    const old = facts({ video: { codec: 'vp8' } });
    expect(choose(old, order(old, {}))).toMatchObject({
      otherwise: { kind: 'encode', mode: 'size', capBytes: 20 * MB },
    });
  });

  it('a copy that did not work out is encoded into what the copy might have had', () => {
    const source = facts();
    const wish = order(source, { ...size(50), codec: 'h264' });
    const copy = choose(source, wish);
    if (copy.kind !== 'copy') throw new Error('expected a copy');
    const why = say('local.copy-does-not-open');
    expect(insteadOfCopy(copy, wish, why)).toEqual({
      kind: 'encode',
      why,
      codec: 'h264',
      mode: 'size',
      capBytes: 20 * MB,
    });
  });
});

describe('sound beside a copied picture', () => {
  const copyOf = (source: MediaFacts, target: Partial<Target> = {}) => {
    const choice = choose(source, order(source, { ...size(500), ...target }));
    if (choice.kind !== 'copy') throw new Error('expected a copy');
    return choice;
  };

  it('what MP4 carries stays, what it does not becomes AAC without a loss one could hear', () => {
    const tracks = [
      audioTrack(),
      audioTrack({ index: 2, codec: 'flac', bitrate: 900_000 }),
      audioTrack({ index: 3, codec: 'vorbis', bitrate: 90_000 }),
    ];
    expect(copyOf(facts({ audio: tracks })).sound).toEqual([
      { index: 1, how: 'copy', bitsPerSecond: 128_000, channels: 2 },
      { index: 2, how: 'aac', bitsPerSecond: 192_000, channels: 2 },
      { index: 3, how: 'aac', bitsPerSecond: 90_000, channels: 2 },
    ]);
  });

  it('muted, or at most so many bits, when that is asked for', () => {
    expect(copyOf(facts(), { audio: { kind: 'mute' } }).sound).toEqual([]);
    const quiet = copyOf(facts(), { audio: { kind: 'bitrate', bitsPerSecond: 64_000 } });
    expect(quiet.sound).toEqual([{ index: 1, how: 'aac', bitsPerSecond: 64_000, channels: 2 }]);
  });

  it('picture subtitles are dropped with a note, text comes along', () => {
    const subtitles = [
      { index: 2, codec: 'subrip', text: true, language: 'eng' },
      { index: 3, codec: 'dvd_subtitle', text: false, language: 'ger' },
    ];
    const choice = copyOf(facts({ subtitles }));
    expect(choice.subtitles).toEqual([2]);
    expect(choice.dropped).toEqual([{ index: 3, note: say('local.bitmap-subtitles', { track: 'ger, dvd_subtitle' }) }]);
  });
});

describe('explained', () => {
  it('in lines a person can read', () => {
    const source = facts({ video: { hdr: 'pq', variableFrameRate: true } });
    const lines = describeChoice(source, choose(source, order(source, size(10))), order(source, size(10)));
    expect(lines.map(line => line.text)).toEqual([
      'source: 20.0 MB, 60.0 s, 1280x720 h264 at 30.00 frames per second (variable), HDR (pq)',
      'sound: aac',
      'plan: h264 in at most 10.0 MB: 20.0 MB must become 10.0 MB',
    ]);
  });

  const able = { encoders: new Set(['libx264', 'libsvtav1']), version: '5.1' };
  const wish = order(facts(), { ...size(50), codec: 'av1' });

  it('a codec this ffmpeg cannot write well is replaced by H.264, with the reason', () => {
    const found = withPossibleCodec(wish, facts(), { ...able, svtAv1: '1.4.1' });
    expect(found.order.target.codec).toBeUndefined();
    expect(found.notes.map(note => note.text)).toEqual([
      'H.264 instead of av1, which was requested: this ffmpeg (5.1) has SVT-AV1 1.4.1; 2.0 or newer is needed',
    ]);
    const missing = withPossibleCodec(wish, facts(), { ...able, encoders: new Set(['libx264']) });
    expect(missing.notes[0]?.text).toMatch(/built without libsvtav1$/);
  });

  it('one it can write is left alone, and so is a source that has it already', () => {
    expect(withPossibleCodec(wish, facts(), { ...able, svtAv1: '2.3.0' })).toEqual({ order: wish, notes: [] });
    expect(withPossibleCodec(wish, facts({ video: { codec: 'av1' } }), able)).toEqual({ order: wish, notes: [] });
  });
});

it('explain says what a bit rate comes to', () => {
  const source = facts();
  const asked = order(source, { size: { kind: 'rate', bitsPerSecond: 2_000_000 } });
  const lines = describeChoice(source, choose(source, asked), asked).map(line => line.text);
  expect(lines).toContain('at most 2.00 Mb/s: 15.0 MB for 60.0 s');
});

describe('a part of the source', () => {
  const window = { fromS: 9.98, toS: 30.02, beforeS: 9.96, sourceStartS: 0, sourceDurationS: 60, bytes: 6_000_000 };
  const part = facts({ startS: 10, durationS: 20, window });
  const trim = { from: 10, to: 30 };

  it.each<[Partial<Target>, string, number]>([
    [{ size: { kind: 'share', share: 0.5 } }, 'size', 3_000_000],
    [{ size: { kind: 'rate', bitsPerSecond: 1_000_000 } }, 'size', 2_500_000],
    // Never copied, because a copy can only begin with a keyframe.
    [size(50), 'size', 20_000_000],
    [{}, 'quality', 12_065_536],
  ])('%j counts for the part', (asked, mode, capBytes) => {
    expect(choose(part, order(part, { ...asked, trim }))).toMatchObject({ kind: 'encode', mode, capBytes });
  });

  it('is explained', () => {
    const asked = order(part, { ...size(3), trim });
    const lines = describeChoice(part, choose(part, asked), asked).map(line => line.text);
    expect(lines[0]).toMatch(/^source: 20.0 MB, 60.0 s/);
    expect(lines).toContain('only 0:10 to 0:30, as asked');
  });
});

describe('a size, and how it must look', () => {
  const wish: Partial<Target> = { floor: 'good', belowFloor: 'keep-quality' };

  it('a wish names the way without it, which may end in a copy or in the own size of the source', () => {
    const film = facts({});
    expect(choose(film, order(film, { ...size(10), ...wish }))).toMatchObject({
      ...{ mode: 'size', capBytes: 10 * MB, floor: 'good' },
      otherwise: { mode: 'quality', capBytes: 19 * MB, otherwise: { kind: 'copy' } },
    });
    const large = { ...size(10), ...wish, resolution: { kind: 'lines' as const, lines: 360 } };
    const otherwise = choose(film, order(film, large)) as Extract<ReturnType<typeof choose>, { kind: 'encode' }>;
    expect(otherwise.otherwise).toMatchObject({ mode: 'quality', otherwise: { mode: 'size', capBytes: 20 * MB } });
    expect(otherwise.otherwise).not.toHaveProperty('floor');
  });

  it('a size that is kept to has no other way', () => {
    const film = facts({});
    const choice = choose(film, order(film, { ...size(10), floor: 'decent' }));
    expect(choice).toMatchObject({ floor: 'decent' });
    expect(choice).not.toHaveProperty('otherwise');
  });

  it('where the source fits and is encoded for another reason, nothing is spoilt for the size', () => {
    const film = facts({ video: { codec: 'vp9' } });
    expect(choose(film, order(film, { ...size(50), ...wish }))).not.toHaveProperty('floor');
  });

  it('a target of 0.1.0 has no floor, and neither has its choice', () => {
    const film = facts({});
    expect(choose(film, order(film, size(10)))).not.toHaveProperty('floor');
  });
});
