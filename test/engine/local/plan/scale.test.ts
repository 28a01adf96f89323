import { describe, expect, it } from 'vitest';
import {
  atFullSize,
  chooseRung,
  bytesMeasured,
  isBelowMeasured,
  isWorseThan,
  decentRate,
  guessedRate,
  predictedCrf,
  predictedRate,
  rateMeasured,
  rungMeasured,
  sampleDoubt,
  stillness,
} from '../../../../src/engine/local/plan/scale.ts';

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

  it('a guess is used if no sample could be taken', () => {
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
    expect(rungMeasured(look, bytesMeasured(look, p720, undefined), p720).hopeless).toBe(false);
  });

  it('AV1 at full size beyond CRF 60 has less SSIM than at three quarters, and below that more', () => {
    // A moving camera: 0.9127 at 64 kB, and three quarters of it 0.9296 at 97 kB.
    expect(rungMeasured({ scale: 1, crf: 63, bytes: 64_477 }, 64_477, { width: 854, height: 480 }).scale).toBe(0.75);
    expect(rungMeasured({ scale: 1, crf: 57, bytes: 178_109 }, 178_109, { width: 854, height: 480 }).scale).toBe(1);
    // Close to it, no other size is tried.
    expect(rungMeasured({ scale: 1, crf: 60.5, bytes: 100_000 }, 100_000, hd).scale).toBe(1);
    expect(rungMeasured({ scale: 0.75, crf: 53.5, bytes: 100_000 }, 90_000, hd).scale).toBe(0.75);
  });

  it('what a first pass showed takes the place of the samples, and nothing about it is in doubt', () => {
    const seen = { codec: 'h264', crf: 30, bytes: 2e6 } as const;
    const sample = { bitsPerSecond: 50_000, places: 1, share: 0.05, stillDetail: 0.1 };
    for (const [scale, wantBytes, crf] of [
      [1, 2e6, 30],
      [1, 1e6, 36.5],
      [0.5, 4e6, 23.5],
    ] as const) {
      const measured = rateMeasured(sample, seen, { scale, durationS: 8, wantBytes });
      expect(predictedCrf(measured, wantBytes, scale)).toBeCloseTo(crf, 1);
      expect(sampleDoubt(measured)).toBe(0);
    }
    const h265 = rateMeasured(sample, { ...seen, codec: 'h265', crf: 32 }, { scale: 1, durationS: 8, wantBytes: 2e6 });
    expect(predictedCrf(h265, 2e6, 1)).toBeCloseTo(30, 1);
  });

  it('a floor: good is all of the picture, and what was measured may miss it by a step', () => {
    const sample = { bitsPerSecond: 1e6 };
    expect(isWorseThan('good', sample, { scale: 0.5, crf: 20 }, 1)).toBe(true);
    expect(isWorseThan('good', sample, { scale: 1, crf: 26 })).toBe(false);
    expect(isWorseThan('decent', sample, { scale: 0.5, crf: 31 })).toBe(false);
    expect(isWorseThan('decent', sample, { scale: 1, crf: 32 })).toBe(true);
    expect(isWorseThan('decent', sample, { scale: 1, crf: 32 }, 1)).toBe(false);
    expect(isWorseThan('any', sample, { scale: 1, crf: 51 })).toBe(false);
  });

  it('what AV1’s first pass showed is held against the floor, and the size named has it', () => {
    const p720 = { width: 1280, height: 720 };
    const seen = { scale: 1, crf: 55, bytes: 1_000_000 };
    const below = (bytes: number) => {
      const rung = rungMeasured(seen, bytes, p720);
      return (['any', 'decent', 'good'] as const).map(floor => isBelowMeasured(rung, floor));
    };
    expect(below(4_000_000)).toEqual([false, false, false]);
    expect(below(900_000)).toEqual([false, false, true]);
    // A picture made smaller is not good, and the smallest beyond CRF 61 is not even decent.
    expect(rungMeasured(seen, 500_000, p720).scale).toBeLessThan(1);
    expect(below(500_000)).toEqual([false, false, true]);
    expect(below(30_000)).toEqual([false, true, true]);
    for (const floor of ['decent', 'good'] as const) {
      const named = rungMeasured(seen, bytesMeasured(seen, p720, floor), p720);
      expect(isBelowMeasured(named, floor)).toBe(false);
    }
  });

  it('a sample of a smaller picture says what the full one needs', () => {
    const { bitsPerSecond } = atFullSize({ bitsPerSecond: 100_000 }, 0.5);
    expect(predictedCrf({ bitsPerSecond }, 100_000, 0.5)).toBeCloseTo(
      predictedCrf({ bitsPerSecond: 100_000 }, 100_000, 1),
    );
  });
});
