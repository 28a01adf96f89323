import { describe, expect, it } from 'vitest';
import type { Item } from '../../src/core/inventory.ts';
import type { Candidate, Expectation } from '../../src/core/job.ts';
import { say } from '../../src/messages/say.ts';
import { check, type Measured } from '../../src/verify/check.ts';
import { audioTrack, facts } from '../engine/local/facts.ts';

const EXPECT: Expectation = {
  maxBytes: 20_000_000,
  durationS: 60,
  width: 1280,
  height: 720,
  frames: 1_800,
  audioTracks: 1,
  subtitleTracks: 0,
  maxFps: 30,
  videoCodecs: ['h264'],
};

const candidate = (expected: Partial<Expectation> = {}, more: Partial<Candidate> = {}): Candidate => ({
  path: '/jobs/out.mp4',
  isSource: false,
  bytes: 20_000_000,
  expect: { ...EXPECT, ...expected },
  how: 'two passes',
  notes: [],
  ...more,
});
const measured = (more: Partial<Measured> = {}): Measured => ({
  bytes: 20_000_000,
  facts: facts(),
  startsFast: true,
  decodedFrames: 1_800,
  decoderErrors: 0,
  ...more,
});

it('what keeps every promise may go', () => {
  expect(check(candidate(), measured())).toEqual([]);
});

describe('the inventory of a result, against the plan', () => {
  const captions = { kind: 'captions', value: 'cea-608', what: say('media.has-captions') } as const;
  const sound = {
    kind: 'sound',
    value: 'aac 2 eng',
    startS: 0,
    endS: 60,
    what: say('media.has-sound', { track: 'aac' }),
  } as const;

  it('agrees', () => {
    const found = measured({ facts: facts({ inventory: [sound, captions] }) });
    expect(check(candidate({ holds: [sound, captions] }), found)).toEqual([]);
    // A candidate of an older version, or from the cloud, does not say.
    expect(check(candidate(), found)).toEqual([]);
  });

  it('was lost, added or moved without a note: the result does not pass', () => {
    const said = (holds: Expectation['holds'], inventory: Item[], more: Partial<Candidate> = {}) =>
      check(candidate({ holds }, more), measured({ facts: facts({ inventory }) })).map(complaint => complaint.text);
    expect(said([sound, captions], [sound])).toEqual(['it lacks what the plan says it holds: captions (cea-608)']);
    expect(said([captions], [sound, captions])).toEqual(['it holds what the plan does not say: sound (aac 2 eng)']);
    const late = { ...sound, startS: 1 };
    const moved = 'its sound (aac 2 eng) lasts from 1.00 to 60.00 s instead of 0.00 to 60.00 s';
    expect(said([sound], [late])).toEqual([moved]);
    // Where a decoder skipped damaged sound, nobody knows where it should be.
    expect(said([sound], [late], { damagedSource: true })).toEqual([]);
  });
});

describe('each broken promise is named', () => {
  const broken: [string, Candidate, Measured, RegExp][] = [
    [
      'one byte too many',
      candidate({ maxBytes: 19_999_999 }),
      measured(),
      /20000000 bytes .* more than the 19999999 allowed/,
    ],
    [
      'not the size it was made with',
      candidate(),
      measured({ bytes: 19_000_000 }),
      /19000000 bytes on disk, but was made with 20000000/,
    ],
    ['empty', candidate({}, { bytes: 0 }), measured({ bytes: 0 }), /empty/],
    ['too short', candidate(), measured({ facts: facts({ durationS: 59.9 }) }), /lasts 59.900 s instead of 60.000 s/],
    [
      'short of the time its last picture stays, where that is promised',
      candidate({ frames: 3, durationToleranceS: 0 }),
      measured({ facts: facts({ durationS: 57, video: { fps: 0.05, frames: 3 } }), decodedFrames: 3 }),
      /lasts 57.000 s instead of 60.000 s/,
    ],
    ['too long', candidate(), measured({ facts: facts({ durationS: 60.051 }) }), /lasts 60.051 s/],
    [
      'another size',
      candidate(),
      measured({ facts: facts({ video: { displayWidth: 1278 } }) }),
      /1278x720 instead of 1280x720/,
    ],
    [
      'turned',
      candidate(),
      measured({ facts: facts({ video: { displayWidth: 720, displayHeight: 1280 } }) }),
      /720x1280/,
    ],
    [
      'a frame missing',
      candidate(),
      measured({ facts: facts({ video: { frames: 1_799 } }), decodedFrames: 1_799 }),
      /1799 frames instead of 1800/,
    ],
    [
      'a frame that does not decode',
      candidate(),
      measured({ decodedFrames: 1_799 }),
      /only 1799 of its 1800 frames can be decoded/,
    ],
    ['no sound', candidate(), measured({ facts: facts({ audio: [] }) }), /0 sound tracks instead of 1/],
    ['sound where none was asked for', candidate({ audioTracks: 0 }), measured(), /1 sound track instead of 0/],
    ['a subtitle too few', candidate({ subtitleTracks: 1 }), measured(), /0 subtitle tracks instead of 1/],
    ['too many frames a second', candidate({ maxFps: 24 }), measured(), /30.00 frames per second, more than 24/],
    [
      'a few frames a second too many, over a minute',
      candidate({ maxFps: 30 }),
      measured({ facts: facts({ video: { fps: 30.34 } }) }),
      /30.34 frames per second, more than 30/,
    ],
    ['another codec', candidate({ videoCodecs: ['hevc', 'av1'] }), measured(), /codec is h264; expected hevc, av1/],
    ['another container', candidate(), measured({ facts: facts({ container: 'matroska,webm' }) }), /not MP4/],
    ['an index at the end', candidate(), measured({ startsFast: false }), /index does not come first/],
    ['a decoder that complains', candidate(), measured({ decoderErrors: 3 }), /reported 3 errors/],
  ];
  it.each(broken)('%s', (_name, one, found, sentence) => {
    const wrong = check(one, found);
    expect(wrong.length).toBe(1);
    expect(wrong[0]?.text).toMatch(sentence);
  });

  it('all of them, not only the first', () => {
    expect(check(candidate({ maxBytes: 1, audioTracks: 2 }), measured({ startsFast: false })).length).toBe(3);
  });
});

describe('what is allowed for', () => {
  const allowed: [string, Candidate, Measured][] = [
    ['50 ms of duration', candidate(), measured({ facts: facts({ durationS: 60.05 }) })],
    [
      'one frame, where frames are longer',
      candidate({ frames: 60 }),
      measured({ facts: facts({ durationS: 60.9, video: { fps: 1, frames: 60 } }), decodedFrames: 60 }),
    ],
    [
      'what the engine knows less exactly',
      candidate({ durationToleranceS: 2 }),
      measured({ facts: facts({ durationS: 58.5 }) }),
    ],
    ['29.97 for 30, 30 for 29.97', candidate({ maxFps: 29.97 }), measured()],
    [
      'a frame rate 1 % too high, and that of a short clip',
      candidate({ maxFps: 30, durationS: 2 }),
      measured({ facts: facts({ durationS: 2, video: { fps: 30.8 } }) }),
    ],
    ['no size, where none was asked for', candidate({ maxBytes: undefined } as never), measured()],
    [
      'what the cloud cannot promise',
      { ...candidate(), expect: { videoCodecs: ['h264'] } },
      measured({ facts: facts({ audio: [audioTrack(), audioTrack()] }) }),
    ],
    ['more frames decoded than packets (hidden frames)', candidate(), measured({ decodedFrames: 1_801 })],
  ];
  it.each(allowed)('%s', (_name, one, found) => expect(check(one, found)).toEqual([]));
});

describe('a source delivered as it is', () => {
  const source = (more: Partial<Expectation> = {}) => candidate(more, { isSource: true });

  it('is held to its size and to playing, not to what an encode promises', () => {
    const old = measured({
      startsFast: false,
      facts: facts({ video: { codec: 'mpeg4' } }),
      decoderErrors: 12,
      decodedFrames: 1_790,
    });
    expect(check(source(), old)).toEqual([]);
  });

  it('too large is too large', () => {
    expect(check(source({ maxBytes: 1 }), measured())).toHaveLength(1);
  });

  it.each([
    [1_800, 0],
    [1_710, 0],
    [1_709, 1],
    [1_500, 1],
  ])(
    'with %d of 1800 frames that decode breaks %d promises: a damaged spot is allowed, half a film is not',
    (decodedFrames, broken) => {
      expect(check(source(), measured({ decodedFrames }))).toHaveLength(broken);
    },
  );

  it('hardly playable is not delivered', () => {
    expect(check(source(), measured({ decodedFrames: 900 }))).toEqual([
      {
        code: 'verify.undecodable',
        params: { decoded: 900, frames: 1_800 },
        text: 'only 900 of its 1800 frames can be decoded',
      },
    ]);
  });
});
