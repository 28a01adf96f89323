/**
 * Golden tables: every constant of the engine, and what the decisions make of those that are hardest to notice. A number that changes
 * has to change here as well, with the measurement in docs/encoding.md that it rests on.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { atCeiling, nextMoves, type SegmentState } from '../../../src/engine/local/encode/rate-control.ts';
import { chooseRung, stillness } from '../../../src/engine/local/plan/scale.ts';
import * as tuning from '../../../src/engine/local/tuning.ts';

const GOLDEN = {
  // Copy or encode
  PICTURE_IN_MP4: ['h264', 'hevc', 'av1', 'vp9', 'mpeg4'],
  SOUND_IN_MP4: ['aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus'],
  TRANSPARENT_AAC_PER_CHANNEL: 96_000,
  COPIED_SOUND_TOLERANCE: 1.05,
  CHAPTER_BYTES: 70,
  MAX_CHAPTERS: 1_000,
  COPY_GROWTH: { share: 0.01, bytes: 65_536 },
  PART_GROWTH: 2,
  MAX_EXTRA_FRAMES: 4,
  FPS_TOLERANCE: 1.005,
  // Sound
  SOUND_LADDER: [
    { from: 1_600_000, stereo: 128_000, mono: 80_000, channels: 2 },
    { from: 800_000, stereo: 96_000, mono: 64_000, channels: 2 },
    { from: 450_000, stereo: 64_000, mono: 48_000, channels: 2 },
    { from: 220_000, stereo: 48_000, mono: 48_000, channels: 1 },
    { from: 0, stereo: 32_000, mono: 32_000, channels: 1 },
  ],
  SURROUND_FROM: 6_000_000,
  SURROUND_PER_CHANNEL: 64_000,
  GENEROUS_PER_CHANNEL: 80_000,
  MAX_AAC_RATE: 256_000,
  MIN_AAC_RATE: 16_000,
  AAC_COPY_TOLERANCE: 1.1,
  MAX_SHARE_ALL_TRACKS: 0.3,
  MAX_SHARE_ONE_TRACK: 0.4,
  NEEDED_WITHIN: 0.005,
  NEED_MARGIN: 1.5,
  FOLD_PEAK_DB: -1,
  AAC_OVERSHOOT: 1.005,
  // MP4 tables
  MIN_VIDEO_RATE: 10_000,
  TABLE_BYTES_PER_FRAME: 12,
  TABLE_BYTES_PER_VARIABLE_FRAME: 20,
  TABLE_BYTES_PER_SECOND: 32,
  TABLE_BYTES_BESIDES: 2000,
  TABLE_BYTES_PER_SOUND_FRAME: 4,
  TABLE_BYTES_PER_SOUND_TRACK: 1000,
  SHARED_TABLE_BYTES: 350,
  CHUNK_BYTES: 16,
  TAG_BYTES: 24,
  TABLES_SLACK_BYTES: 100_000,
  // Samples
  SAMPLES: 3,
  SAMPLE_S: 2,
  MAX_SAMPLED_SHARE: 0.06,
  MIN_SAMPLE_S: 0.6,
  MIN_SAMPLE_OF_SHORT_S: 0.4,
  MORE_SAMPLES_FROM_S: 600,
  MORE_SAMPLES: 8,
  HALVED_SAMPLES_FROM_PIXELS: 800_000,
  SAMPLE_CRF: 28,
  SAMPLE_PRESET: 'veryfast',
  SAMPLE_KEYFRAMES: 300,
  MEDIUM_OVER_VERYFAST: 1.2,
  GUESSED_BITS_PER_PIXEL: 0.04,
  ENOUGH_PLACES: 3,
  ENOUGH_SAMPLED_SHARE: 0.15,
  ONE_PLACE_DOUBT: 9,
  // Picture size
  RUNGS: [1, 0.75, 0.5, 0.35],
  MIN_SIDE: 120,
  GOOD_CRF: 31,
  HOPELESS_CRF: 42,
  DECENT_CRF: 34,
  DECENT_MARGIN: 1.05,
  DECENT_SOUND_RATE: 32_000,
  SCALE_POWER: 1.6,
  SCALER: 'lanczos',
  LITTLE_STILL_DETAIL: 0.25,
  STILLNESS_PER_DOUBLING: 7,
  MAX_STILLNESS: 6.2,
  STILL_DETAIL_POWER: 1.2,
  // Quality scales
  SCALES: {
    h264: { ceiling: 18, losslessLook: 20, perHalf: 6.5, at26: 26, perStep: 1, step: 0.1, least: 10, most: 45 },
    h265: { ceiling: 20, losslessLook: 22, perHalf: 6.5, at26: 28, perStep: 1, step: 0.1, least: 10, most: 45 },
    av1: {
      ceiling: 24,
      losslessLook: 28,
      perHalf: 10,
      steeperFrom: 54,
      at26: 40,
      perStep: 1.5,
      step: 0.02,
      least: 10,
      most: 66,
    },
  },
  STEEPER_WITHIN: 9,
  // Quality ceiling
  SURELY_BELOW_CEILING: 2.5,
  SURELY_TOO_LARGE: 1.6,
  NEAR_CEILING: 0.8,
  UNUSED_WORTH_SAYING_ONE_PASS: 0.03,
  UNUSED_WORTH_SAYING: 0.015,
  LOOKS: { likeSource: 20.5, nearlyLikeSource: 23.5, good: 27, decent: 31.5, soft: 36 },
  // Comparing with the source
  MIN_SSIM_MEAN: 0.975,
  MIN_SSIM_WORST: 0.965,
  SSIM_WORST_SHARE: 0.05,
  SSIM_WINDOWS: 3,
  SSIM_WINDOW_S: 2,
  MORE_SSIM_WINDOWS_FROM_S: 600,
  MORE_SSIM_WINDOWS: 8,
  MAX_COMPARED_SHARE: 0.08,
  MIN_COMPARED_FRAMES: 8,
  MIN_FRAME_BYTES: 10,
  MARK_ROOM: 1024,
  BETTER_BY: 2,
  MAX_BETTER: 4,
  // Presets
  PRESETS: {
    h264: { fast: 'veryfast', balanced: 'medium', best: 'slow' },
    h265: { fast: 'veryfast', balanced: 'medium', best: 'slow' },
    av1: { fast: '10', balanced: '8', best: '6' },
  },
  AV1_MEASURING_PRESET: '12',
  // Keyframes
  KEYFRAMES: { seconds: 8, least: 150, most: 300 },
  KEYFRAMES_AV1: { seconds: 15, least: 250, most: 300 },
  KEYFRAMES_STRETCH: 1.1,
  // First pass
  FIRST_PASS_FINER: 0.8,
  FIRST_PASS_CHROMA: -2,
  FIRST_PASS_OVER: 1.3,
  FIRST_PASS_ENOUGH: { least: 0.85, most: 2.6 },
  FIRST_PASS_PER_HALF: { usual: 4, least: 2, most: 12 },
  MAX_FIRST_PASSES: 3,
  // Second pass
  WHOLE_MARGIN: 0.0065,
  FIRST_AIM: 0.99,
  LAST_MARGIN: 0.004,
  MIN_LAST_AIM: 0.9,
  UNUSED_FRAMES: -0.05,
  UNUSED_PER_DOUBLING: 0.6,
  UNUSED_VARIABLE: -0.1,
  MIN_UNUSED_FRAMES: -0.7,
  MAX_UNUSED_FRAMES: 4,
  UNUSED_UP_TO: 200,
  ALL_USED_FROM: 290,
  MIN_BIAS: 0.9,
  MAX_BIAS: 1.2,
  WHOLE_KILOBITS_FROM: 500_000,
  // Tolerance
  TOLERANCE_OF_SEGMENTS: 0.3,
  TOLERANCE_OF_LAST: 0.05,
  TOLERANCE_OF_WHOLE: 0.3,
  TOLERANCE_OF_FEW: { least: 0.05, most: 0.1 },
  TOLERANCE_IN_FRAMES: 1.3,
  FEW_FRAMES: 200,
  VERY_FEW_FRAMES: 25,
  SWINGS: 0.01,
  // Encoding again
  AGAIN_AIM: 0.998,
  LOWER_AIM: 0.97,
  MAX_REQUEST_GROWTH: 4,
  FULL: 0.9875,
  NEARLY_FULL: 0.985,
  MAX_CHANGE: 0.125,
  DIFFERENCE_MARGIN: 1.1,
  MAX_REENCODED_SHARE: 0.35,
  MAX_ROUNDS: 6,
  MAX_UPWARD: 2,
  MAX_ROUNDS_OF_FEW: 9,
  MAX_UPWARD_OF_FEW: 5,
  NO_USE_SHARE: 0.1,
  SAME_REQUEST: 0.0002,
  // Parts
  MAX_SEGMENT_S: 180,
  CUT_GRID_S: 5,
  NEAR_KEYFRAME_SHARE: 0.2,
  NEXT_SHARE: 0.6,
  LAST_SHARE: 0.12,
  LAST_GRIDS: 1.3,
  LARGE_LAST_SHARE: 0.25,
  LINES_PER_CORE: 100,
  MEMORY_OF_PART: { bytes: 100_000_000, perPixel: 350, perSourcePixel: 60 },
  SHARE_OF_MEMORY: 0.5,
  LEAST_AT_ONCE_S: 60,
  TOLERANCE_OF_SEVERAL: 0.1,
  // Hardware encoders
  HARDWARE_COSTS_CRF: 3,
  HARDWARE_ROUNDS: 3,
  HARDWARE_FIRST_AIM: 0.99,
  HARDWARE_AGAIN_AIM: 0.994,
  HARDWARE_ENOUGH: 0.97,
  HARDWARE_MIN_SSIM: 0.6,
  HARDWARE_REST: { failures: 3, ms: 3_600_000 },
  HARDWARE_STALL_MS: 180_000,
  PARTS_BY_STEPS: 12,
  MIN_STEPS_PART_S: 4,
  LEAST_PARTS_BY_STEPS: 4,
  QP_PER_HALF: 6,
  MIN_SEGMENT_S: 0.8,
  TRUSTED_FROM: 3,
  CUT_SLACK_FRAMES: 2,
  CUT_SLACK_SHARE: 0.05,
  SEEK_BACK_S: 11,
  SOUND_SEEK_BACK_S: 10,
  // AV1
  GOOD_CRF_AV1: 60,
  COARSEST_CRF_AV1: 63,
  MEASURED_MISS: 1,
  COARSEST_MEASURING_CRF: 60,
  MAX_SIZE_CHANGES: 2,
  MAX_SEGMENT_AV1_S: 60,
  FAR_FROM_MEASURED: 0.2,
  ENCODE_OVER_MEASURING: 0.95,
  SVT_TUNE: 2,
  SVT_MAX_CRF: 63,
  SVT_MAX_PARALLELISM: 6,
  SVT_FRAME_KINDS: 7,
  SVT_LAMBDA_UNIT: 128,
  LAMBDA_DOUBLINGS_PER_HALF: 2.5,
  MAX_BY_LAMBDA: 1.5,
  AIM_DOUBT: 0.1,
  MIN_AIM_DOUBT: 0.0025,
  MAX_AIM_DOUBT: 0.0045,
  MIN_STEEPNESS: 0.5,
  MAX_STEEPNESS: 1.7,
  MIN_QUALITY_STEP: 0.04,
  // Threads and memory
  ONE_THREAD_BELOW_PIXELS: 500_000_000,
  MEMORY_BYTES: 4_294_967_296,
  MEMORY_PER_PIXEL: 400,
  // Timestamps
  EVEN_RATE_SHARE: 0.8,
  AUDIBLE_S: 0.1,
  MAX_DELAY_S: 1,
  MAX_LEAD_S: 600,
  EXACT_LENGTH_BELOW_FPS: 24.9,
  // Colours
  HDR_WHITE: 100,
  // Verifying
  MAX_LOST_SHARE: 0.02,
  MAX_LEADING_S: 0.2,
  MAX_LEADING_SHARE: 0.125,
  DURATION_SLACK_S: 0.05,
  // Time estimates
  TIMES: {
    h264: { fast: 1.4, balanced: 2.2, best: 4 },
    h265: { fast: 4, balanced: 9, best: 30 },
    av1: { fast: 3.5, balanced: 6, best: 11 },
  },
  ONE_PASS_TIME: 0.7,
  DECODING_SHARE: 0.35,
  WORK_SHARE: {
    sample: 0.02,
    sound: 0.05,
    pass1: 0.27,
    pass2: 0.58,
    onePass: 0.8,
    join: 0.03,
    compare: 0.02,
    fixTimestamps: 0.05,
    copy: 0.5,
    checkCopy: 0.5,
    playSound: 0.01,
  },
};

describe('the constants', () => {
  const values = Object.fromEntries(
    Object.entries(tuning).map(([name, value]) => [name, value instanceof Set ? [...value] : value]),
  );

  it.each(Object.entries(GOLDEN))('%s', (name, golden) => expect(values[name]).toEqual(golden));

  it('are all in this table', () => expect(Object.keys(values).toSorted()).toEqual(Object.keys(GOLDEN).toSorted()));

  it('stand under headings that docs/encoding.md has', () => {
    const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
    const headings = [...read('src/engine/local/tuning.ts').matchAll(/^\/\/ docs\/encoding\.md, (.+)$/gm)].map(
      ([, name]) => name,
    );
    const documented = [...read('docs/encoding.md').matchAll(/^## (.+)$/gm)].map(([, name]) => name);
    expect(headings.length).toBeGreaterThan(15);
    expect(documented).toEqual(expect.arrayContaining(headings));
  });
});

describe('the picture size', () => {
  const size = { width: 1280, height: 720 };
  /** Bits per second at which a clip whose sample took 1 Mb/s is as good as a CRF, at full size. */
  const rateAt = (crf: number) => 1_000_000 * 1.2 * 2 ** ((28 - crf) / 6.5);

  it.each([
    [20, 0, 1],
    [30.9, 0, 1],
    [31.1, 0, 0.75],
    [35.2, 0, 0.75],
    [35.4, 0, 0.5],
    [41.3, 0, 0.5],
    [41.5, 0, 0.35],
    // Detail that stands still is worth up to 6.2 steps.
    [33, 0.3, 0.75],
    [33, 0.5, 1],
    [37.1, 5, 1],
    [37.3, 5, 0.75],
  ])('at CRF %d, with still detail of %d, is %d', (crf, stillDetail, scale) => {
    const sample = { bitsPerSecond: 1_000_000, places: 3, stillDetail };
    expect(chooseRung(sample, rateAt(crf), size).scale).toBe(scale);
  });

  it.each([
    [0, 0],
    [0.25, 0],
    [0.3, 1.841],
    [0.4, 4.747],
    [0.45, 5.936],
    [0.5, 6.2],
    [3, 6.2],
  ])('gains from still detail of %d: %d steps', (stillDetail, steps) => {
    expect(stillness({ bitsPerSecond: 1, stillDetail })).toBeCloseTo(steps, 3);
  });

  it.each([
    [57.7, false],
    [57.8, true],
  ])('that is hopeless: at CRF %d of the whole picture, %s', (crf, hopeless) => {
    // The smallest has a third of the side, which is 15.75 steps better.
    const sample = { bitsPerSecond: 1_000_000, places: 3 };
    expect(chooseRung(sample, rateAt(crf), size).hopeless).toBe(hopeless);
  });
});

describe('the ceiling', () => {
  const segment = (askedBytes: number): SegmentState => ({
    ...{ durationS: 60, frames: 1_800, weight: 1, ceilingBytes: 100_000 },
    tries: [{ round: 0, askedBytes, bytes: askedBytes }],
  });

  it.each([
    [50_000, false],
    [79_000, false],
    [81_000, true],
    [100_000, true],
  ])('of 100,000 bytes counts as reached with %d asked for: %s', (askedBytes, reached) => {
    expect(atCeiling([segment(askedBytes)])).toBe(reached);
  });
});

describe('another round', () => {
  /** A film in one piece whose attempts all came out over or under a size of a million by `off`. */
  const after = (rounds: number, off: number, frames: number) => {
    const tries = Array.from({ length: rounds }, (_, round) => ({
      ...{ round, askedBytes: 900_000 - 10_000 * round, bytes: 900_000 + off + round },
    }));
    const [move] = nextMoves({
      budget: { capBytes: 1_000_000, fixedBytes: 100_000, durationS: frames / 30 },
      segments: [{ durationS: frames / 30, frames, weight: 900_000, tries }],
      rounds: tries.map(({ bytes }) => ({ from: 0, bytes: bytes + 100_000 })),
    });
    return move?.kind;
  };

  it.each([
    [1, 20_000, 1_800, 'round'],
    [5, 20_000, 1_800, 'round'],
    [6, 20_000, 1_800, 'give-up'],
    [8, 20_000, 150, 'round'],
    [9, 20_000, 150, 'give-up'],
    // Full enough is full.
    [1, -12_000, 1_800, 'done'],
    [1, -13_000, 1_800, 'done'],
    [1, -16_000, 1_800, 'round'],
    [1, -13_000, 150, 'done'],
    // Two for filling up, of few frames five.
    [2, -16_000, 1_800, 'round'],
    [3, -16_000, 1_800, 'done'],
    [5, -16_000, 150, 'round'],
    [6, -16_000, 150, 'done'],
  ])('after %d, each %d bytes off, of %d frames: %s', (rounds, off, frames, expected) => {
    expect(after(rounds, off, frames)).toBe(expected);
  });
});
