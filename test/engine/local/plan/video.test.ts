import { describe, expect, it } from 'vitest';
import type { Cut } from '../../../../src/core/media-info.ts';
import { evenKeyframes } from '../../../../src/engine/local/plan/keyframes.ts';
import { frameRate, planPicture } from '../../../../src/engine/local/plan/video.ts';
import {
  atFullSize,
  chooseRung,
  decentBytesMeasured,
  decentRate,
  guessedRate,
  predictedCrf,
  predictedRate,
  rungMeasured,
  stillness,
} from '../../../../src/engine/local/plan/scale.ts';
import { rateOf, samplePlaces } from '../../../../src/engine/local/measure/sample.ts';
import { facts } from '../facts.ts';
import { TARGET } from '../support.ts';

const ALL = { filters: new Set(['zscale', 'tonemap', 'bwdif', 'yadif']) };
const filters = (changes: Parameters<typeof facts>[0], scale = 1, target = TARGET, tools = ALL) =>
  planPicture(facts(changes), target, scale, tools).filters;

describe('filters', () => {
  it('a plain source is only brought to 8-bit 4:2:0', () => {
    expect(filters({})).toBe('setsar=1,format=yuv420p');
  });

  it('an odd size loses a row by cropping, not by scaling', () => {
    expect(filters({ video: { displayWidth: 1278, displayHeight: 717 } })).toBe(
      'crop=1278:716:0:0,setsar=1,format=yuv420p',
    );
  });

  it('anamorphic samples are scaled to square ones', () => {
    expect(filters({ video: { sampleAspect: 64 / 45, displayWidth: 1024, displayHeight: 576 } })).toMatch(
      /^scale=1024:576,/,
    );
  });

  it('HDR is made smaller before the costly tone mapping', () => {
    const plan = filters({ video: { hdr: 'hlg', color: { transfer: 'arib-std-b67' } } }, 0.5);
    expect(plan).toMatch(/^scale=640:360,zscale=tin=arib-std-b67.*tonemap=tonemap=hable.*,format=yuv420p$/);
  });

  it('without zscale HDR keeps its tags and says so', () => {
    const plan = planPicture(facts({ video: { hdr: 'pq' } }), TARGET, 1, { filters: new Set() });
    expect(plan.filters).toBe('setsar=1,format=yuv420p');
    expect(plan.colors).toContain('smpte2084');
    expect(plan.notes.map(note => note.code)).toEqual(['local.hdr-kept']);
  });

  it('fields are woven together with the better filter there is', () => {
    expect(filters({ video: { interlaced: true } })).toMatch(/^bwdif=/);
    expect(filters({ video: { interlaced: true } }, 1, TARGET, { filters: new Set(['yadif']) })).toMatch(/^yadif=/);
  });

  it('full range and RGB are converted, with the right tags', () => {
    expect(filters({ video: { pixelFormat: 'yuvj420p', color: { range: 'pc' } } })).toBe(
      'scale=in_range=pc:out_range=tv,setsar=1,format=yuv420p',
    );
    const rgb = planPicture(facts({ video: { pixelFormat: 'gbrp' } }), TARGET, 1, ALL);
    expect(rgb.filters).toMatch(/^scale=out_color_matrix=bt709:out_range=tv/);
    expect(rgb.colors).toContain('bt709');
  });

  it('tags that an encoder knows under another name are translated, unknown ones left out', () => {
    const { colors } = planPicture(
      facts({ video: { color: { transfer: 'bt470bg', primaries: 'bt470bg', space: 'ycgco' } } }),
      TARGET,
      1,
      ALL,
    );
    expect(colors).toEqual(['-color_primaries', 'bt470bg', '-color_trc', 'gamma28', '-color_range', 'tv']);
  });
});

describe('frames a second', () => {
  const cases: [number, number | undefined, number | undefined][] = [
    [60, undefined, undefined],
    [29.97, 30, undefined],
    [30.1, 30, undefined],
    [60, 30, 30],
    [59.94, 30, 29.97],
    [50, 30, 25],
    [25, 24, 24],
    [120, 50, 40],
    [240, 30, 30],
  ];
  it.each(cases)('%d, at most %s: %s', (source, asked, expected) => {
    const kept = frameRate(source, asked);
    if (expected === undefined) expect(kept).toBeUndefined();
    else expect(kept).toBeCloseTo(expected, 2);
  });
});

describe('how small the picture becomes', () => {
  const hd = { width: 1920, height: 1080 };
  const hard = { bitsPerSecond: 4_000_000 };
  const easy = { bitsPerSecond: 150_000 };

  it('a prediction and its inverse agree', () => {
    expect(predictedRate(hard, predictedCrf(hard, 700_000, 0.5), 0.5)).toBeCloseTo(700_000, -1);
  });

  it('easy content stays at full size where hard content must shrink, at the same number of bits', () => {
    expect(chooseRung(easy, 300_000, hd).scale).toBe(1);
    expect(chooseRung(hard, 300_000, hd).scale).toBeLessThan(0.5);
  });

  it('fewer bits never mean a larger picture', () => {
    let before = 1;
    for (let rate = 10_000_000; rate > 10_000; rate *= 0.8) {
      const { scale } = chooseRung(hard, rate, hd);
      expect(scale).toBeLessThanOrEqual(before);
      before = scale;
    }
  });

  it('what would be unrecognisable is said, and the size said instead is not hopeless', () => {
    expect(chooseRung(hard, 20_000, hd).hopeless).toBe(true);
    expect(chooseRung(hard, decentRate(hard, hd), hd).hopeless).toBe(false);
  });

  it('a clip whose only sample is its hardest second is tried, not held: a bird in 50 kb/s was called unrecognisable', () => {
    const bird = { bitsPerSecond: 2_250_000, places: 1, share: 0.05 };
    const rate = 50_000;
    expect(predictedCrf(bird, rate, 0.35)).toBeGreaterThan(45);
    expect(chooseRung(bird, rate, hd).hopeless).toBe(false);
    expect(chooseRung({ ...bird, places: 4 }, rate, hd).hopeless).toBe(true);
  });

  it('small pictures do not become postage stamps', () => {
    expect(chooseRung(hard, 100_000, { width: 320, height: 180 }).scale).toBe(0.75);
  });

  it('a guess stands in where no sample could be taken', () => {
    expect(guessedRate(hd, 30).bitsPerSecond).toBeCloseTo(1920 * 1080 * 30 * 0.04);
  });

  it('a street and a car park lost a hundredth of SSIM to a smaller picture: detail that stands still may be coarser', () => {
    const vga = { width: 768, height: 576 };
    const scales = (stillDetail: number, size = vga) =>
      [54_000, 30_000].map(rate => chooseRung({ bitsPerSecond: 185_000, stillDetail }, rate, size).scale);
    expect(scales(0.1)).toEqual([0.5, 0.35]);
    expect(scales(2.1)).toEqual([0.75, 0.5]);
    // A smaller picture has more bits per pixel.
    expect(stillness(atFullSize({ bitsPerSecond: 1, stillDetail: 0.5 }, 0.5))).toBe(0);
  });

  it('AV1 was made smaller or held by the scale of x264: its own first pass decides', () => {
    const p480 = { width: 848, height: 480 };
    const p720 = { width: 1280, height: 720 };
    // Two people at 481 kB, measured at full size: three quarters had 0.0025 less SSIM.
    expect(rungMeasured({ scale: 1, crf: 53, bytes: 456_000 }, 481_000, p480).scale).toBe(1);
    expect(rungMeasured({ scale: 0.75, crf: 45, bytes: 470_000 }, 481_000, p480).scale).toBe(1);
    // A bird in 53 kB: held, for x264 would need 283 kB to look decent.
    const bird = rungMeasured({ scale: 0.35, crf: 60, bytes: 59_456 }, 53_000, p720);
    expect(bird).toMatchObject({ scale: 0.35, hopeless: false });
    expect(chooseRung(hard, 20_000, hd, 'av1').hopeless).toBe(false);
    // In 20 kB nothing would be left of it, and of what is said instead something is.
    const look = { scale: 0.35, crf: 60, bytes: 59_456 };
    expect(rungMeasured(look, 20_000, p720).hopeless).toBe(true);
    expect(rungMeasured(look, decentBytesMeasured(look, p720), p720).hopeless).toBe(false);
  });

  it('AV1 at full size beyond CRF 60 has less SSIM than at three quarters, and below that more', () => {
    // A moving camera: 0.9127 at 64 kB, and three quarters of it 0.9296 at 97 kB.
    expect(rungMeasured({ scale: 1, crf: 63, bytes: 64_477 }, 64_477, { width: 854, height: 480 }).scale).toBe(0.75);
    expect(rungMeasured({ scale: 1, crf: 57, bytes: 178_109 }, 178_109, { width: 854, height: 480 }).scale).toBe(1);
    // Of what nearly is, no other size is looked at.
    expect(rungMeasured({ scale: 1, crf: 60.5, bytes: 100_000 }, 100_000, hd).scale).toBe(1);
    expect(rungMeasured({ scale: 0.75, crf: 53.5, bytes: 100_000 }, 90_000, hd).scale).toBe(0.75);
  });

  it('a sample of a smaller picture says what the full one needs', () => {
    const { bitsPerSecond } = atFullSize({ bitsPerSecond: 100_000 }, 0.5);
    expect(predictedCrf({ bitsPerSecond }, 100_000, 0.5)).toBeCloseTo(
      predictedCrf({ bitsPerSecond: 100_000 }, 100_000, 1),
    );
  });

  const video = { codec: 'h264', pixelFormat: 'yuv420p' };
  const clip = (durationS: number, cuts: Cut[] = []) => ({ durationS, startS: 10, cuts, video });
  it('samples are spread over the clip, and are little of a short one', () => {
    expect(samplePlaces(clip(120))).toEqual([
      { fromS: 19, lengthS: 2 },
      { fromS: 59, lengthS: 2 },
      { fromS: 99, lengthS: 2 },
    ]);
    expect(samplePlaces(clip(6))).toEqual([{ fromS: 3, lengthS: 0.6 }]);
    expect(samplePlaces(clip(0.5))).toEqual([{ fromS: 0.25, lengthS: 0.25 }]);
    expect(samplePlaces(clip(7_200)).length).toBe(8);
  });

  it('samples begin right behind a keyframe that is close by', () => {
    const key = { atS: 72, beforeS: 71.96, frame: 800, key: true };
    expect(samplePlaces(clip(120, [key]))[1]?.fromS).toBeCloseTo(62.2);
    expect(samplePlaces(clip(120, [{ ...key, key: false }]))[1]?.fromS).toBe(59);
  });

  it('of twelve seconds with a keyframe each the first was sampled, a quiet one: the one in the middle is', () => {
    const keys = Array.from({ length: 11 }, (_, n) => ({ atS: 11 + n, beforeS: 10.97 + n, frame: 30 * n, key: true }));
    expect(samplePlaces(clip(12, keys))[0]?.fromS).toBeCloseTo(6.2);
  });

  it('4:4:4 that only decodes from its start was sampled twice: it is read from before the next keyframe', () => {
    const key = { atS: 13.8, beforeS: 13.75, frame: 76, key: true };
    const old = { ...clip(14, [key]), video: { codec: 'h264', pixelFormat: 'yuv444p' } };
    const [piece] = samplePlaces(old);
    expect((piece?.fromS ?? 0) + (piece?.lengthS ?? 0)).toBeLessThan(3.8);
    expect(samplePlaces(clip(14, [key]))[0]?.fromS).toBeCloseTo(4);
  });

  it('a keyframe four frames before the end took a fifth of the bits: they lie in equal distances', () => {
    expect(evenKeyframes(604, 10)).toBe(151);
    expect(evenKeyframes(300, 30)).toBe(150);
    expect(evenKeyframes(28, 30)).toBe(28);
    // A second keyframe took a square (16) 24 % more bytes.
    expect(evenKeyframes(194, 20, 'av1')).toBe(194);
    expect(evenKeyframes(362, 30, 'av1')).toBe(181);
    for (let frames = 1; frames < 3_000; frames += 7) expect(evenKeyframes(frames, 30)).toBeLessThanOrEqual(264);
  });

  it('the keyframe each sample begins with counts as one in eight seconds', () => {
    // Two samples of four frames: 1000 bytes for a keyframe, 100 for any other, at 25 frames a second.
    const rate = rateOf(
      [
        [1000, 100, 100, 100],
        [1000, 100, 100, 100],
      ],
      25,
      1000,
    );
    // A keyframe of eight bits per pixel for those of 0.4 s.
    expect(rate).toEqual({ bitsPerSecond: 8 * (2500 + 125), stillDetail: 3.2 });
    expect(rateOf([], 25, 1000)).toBeUndefined();
    expect(rateOf([[500]], 25, 1000)).toEqual({ bitsPerSecond: 8 * 12_500 });
  });
});
