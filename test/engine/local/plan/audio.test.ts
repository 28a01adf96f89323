import { describe, expect, it } from 'vitest';
import { describeSound, planSound, saferSound } from '../../../../src/engine/local/plan/audio.ts';
import { audioTrack, facts } from '../facts.ts';
import { TARGET } from '../support.ts';

/** Room that gives this many bits per second over the minute of `facts()`. */
const cap = (bitsPerSecond: number, spareBytes = 0) => ({ capBytes: (bitsPerSecond * 60) / 8, spareBytes });

describe('the ladder', () => {
  const cases: [string, number, Partial<Parameters<typeof audioTrack>[0]>, string][] = [
    ['2 Mb/s: 128 kb/s stereo, which the source has', 2_000_000, {}, 'copy 128000 2'],
    ['2 Mb/s: a richer source is encoded', 2_000_000, { bitrate: 256_000 }, 'aac 128000 2'],
    ['1 Mb/s: 96 kb/s stereo', 1_000_000, {}, 'aac 96000 2'],
    ['500 kb/s: 64 kb/s stereo', 500_000, {}, 'aac 64000 2'],
    ['300 kb/s: 48 kb/s mono', 300_000, {}, 'aac 48000 1'],
    ['100 kb/s: 32 kb/s mono', 100_000, {}, 'aac 32000 1'],
    ['50 kb/s: the picture must not starve', 50_000, {}, 'aac 20000 1'],
    ['20 kb/s: not below what can be listened to', 20_000, {}, 'aac 16000 1'],
    ['a source that has less keeps it', 300_000, { bitrate: 40_000 }, 'copy 40000 2'],
    [
      'a poor source in another format gets no more than it had',
      2_000_000,
      { codec: 'mp3', bitrate: 24_000, channels: 1 },
      'aac 24000 1',
    ],
    ['what a lossless source has says nothing', 2_000_000, { codec: 'flac', bitrate: 60_000 }, 'aac 128000 2'],
    ['six channels become two', 2_000_000, { codec: 'ac3', channels: 6, bitrate: 448_000 }, 'aac 128000 2'],
    [
      'six channels stay where there is room',
      8_000_000,
      { codec: 'ac3', channels: 6, layout: '5.1(side)', bitrate: 448_000 },
      'aac 384000 6',
    ],
  ];
  it.each(cases)('%s', (_name, total, track, expected) => {
    const plan = planSound(facts({ audio: [audioTrack(track)] }), TARGET, cap(total));
    expect(plan.tracks.map(one => `${one.how} ${one.bitsPerSecond} ${one.channels}`)).toEqual([expected]);
  });
});

it('without a size, AAC stays as it is and anything else gets plenty', () => {
  const audio = [audioTrack({ bitrate: 320_000 }), audioTrack({ index: 2, codec: 'pcm_s16le', bitrate: 1_536_000 })];
  const plan = planSound(facts({ audio }), TARGET, undefined);
  expect(plan.tracks.map(one => `${one.how} ${one.bitsPerSecond}`)).toEqual(['copy 320000', 'aac 160000']);
});

it('a second track gives way before the first one shrinks, and is named', () => {
  const audio = [audioTrack(), audioTrack({ index: 2, language: 'eng', title: 'Commentary' })];
  expect(planSound(facts({ audio }), TARGET, cap(2_000_000)).tracks.length).toBe(2);
  const tight = planSound(facts({ audio }), TARGET, cap(250_000));
  expect(tight.tracks.map(one => one.index)).toEqual([1]);
  expect(tight.dropped.map(({ note }) => note.text)).toEqual([
    'sound track dropped, there was no room for it: Commentary, eng, aac',
  ]);
});

it('every track stays where the picture cannot use the room (four tracks were dropped while most of the size stayed empty)', () => {
  const audio = [1, 2, 3, 4].map(index => audioTrack({ index, codec: 'pcm_s16le', bitrate: 768_000, channels: 1 }));
  const tight = planSound(facts({ audio }), TARGET, cap(300_000));
  expect(tight.tracks.map(({ index }) => index)).toEqual([1]);
  const spare = (4 * 48_000 * 60) / 8;
  expect(planSound(facts({ audio }), TARGET, cap(300_000, spare)).tracks.map(({ index }) => index)).toEqual([
    1, 2, 3, 4,
  ]);
  expect(planSound(facts({ audio }), TARGET, cap(300_000, spare - 1)).tracks.length).toBe(3);
});

it('a track far longer than the picture is counted with its own length (was said not to fit)', () => {
  const audio = [audioTrack({ codec: 'pcm_s16le', bitrate: 1_536_000, lengthS: 160 })];
  const room = { capBytes: 1_230_000, spareBytes: 0 };
  const plan = planSound(facts({ durationS: 4, audio }), TARGET, room);
  expect(plan.tracks).toMatchObject([{ how: 'aac', bitsPerSecond: 25_000 }]);
  expect(plan.estimateBytes).toBeLessThan(room.capBytes / 2);
});

it('muted means no track, and no note', () => {
  expect(planSound(facts(), { ...TARGET, audio: { kind: 'mute' } }, cap(1e6))).toEqual({
    tracks: [],
    subtitles: [],
    dropped: [],
    estimateBytes: 0,
  });
});

it('a bitrate asked for is not exceeded', () => {
  const plan = planSound(facts(), { ...TARGET, audio: { kind: 'bitrate', bitsPerSecond: 40_000 } }, cap(2_000_000));
  expect(plan.tracks).toMatchObject([{ how: 'aac', bitsPerSecond: 40_000 }]);
});

it('rates AAC does not know become 48 kHz', () => {
  const audio = [audioTrack({ codec: 'pcm_s24le', sampleRate: 96_000 }), audioTrack({ index: 2, sampleRate: 44_100 })];
  expect(planSound(facts({ audio }), TARGET, undefined).tracks.map(one => one.sampleRate)).toEqual([48_000, 44_100]);
});

it('in words', () => {
  expect(describeSound([]).text).toBe('no sound');
  const [one] = planSound(facts(), TARGET, cap(300_000)).tracks;
  expect(one && describeSound([one]).text).toBe('sound AAC 48 kb/s mono');
  expect(one && describeSound([one, one]).text).toBe('2 sound tracks, the first: sound AAC 48 kb/s mono');
});

describe('sound that could not be encoded', () => {
  const track = { index: 1, how: 'copy' as const, bitsPerSecond: 128_000, channels: 2, sampleRate: 48_000 };
  const plan = { tracks: [track], subtitles: [2], dropped: [], estimateBytes: 1 };

  it('gives way step by step: the subtitles, the copy, the sound', () => {
    const without = saferSound(plan, 'encoding the sound: Subtitle encoding failed');
    expect(without).toMatchObject({ tracks: [track], subtitles: [] });
    const encoded = saferSound(without, 'it does not play');
    expect(encoded.tracks[0]?.how).toBe('aac');
    const none = saferSound(encoded, 'Error while decoding');
    expect(none).toMatchObject({ tracks: [], damaged: true });
    expect(none.dropped.map(({ note }) => note.code)).toEqual(['local.subtitles-not-for-mp4', 'local.sound-damaged']);
  });
});
