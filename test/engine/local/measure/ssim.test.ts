import { describe, expect, it } from 'vitest';
import { isCloseEnough, describeSsim, summarise, ssimWindows } from '../../../../src/engine/local/measure/ssim.ts';
import { facts } from '../facts.ts';

describe('the comparison with the source', () => {
  it('tells the mean of all frames and of the worst twentieth', () => {
    const ssim = summarise([...Array.from({ length: 38 }, () => 0.99), 0.9, 0.94]);
    expect(ssim?.frames).toBe(40);
    expect(ssim?.worst).toBeCloseTo(0.92);
    expect(ssim?.mean).toBeCloseTo(0.9865);
    expect(ssim && isCloseEnough(ssim)).toBe(false);
    expect(ssim && describeSsim(ssim).text).toBe('SSIM 0.986 on 40 sampled frames, 0.920 on the worst 5 %');
    expect(summarise([])).toBeUndefined();
    expect(isCloseEnough({ frames: 100, mean: 0.983, worst: 0.975 })).toBe(true);
  });

  it('looks at a few places, at keyframes where there are some near, never at more than a twelfth of the clip', () => {
    const cuts = Array.from({ length: 119 }, (_, at) => ({
      atS: (at + 1) / 2,
      beforeS: at / 2 + 0.4,
      frame: (at + 1) * 15,
      key: at % 10 === 9,
    }));
    const places = ssimWindows(facts({ cuts }));
    expect(places.map(place => place.cut?.key)).toEqual([true, true, true]);
    expect(places.reduce((sum, place) => sum + place.frames, 0)).toBeLessThanOrEqual(1_800 / 12);
    expect(ssimWindows(facts())).toEqual([{ cut: undefined, frames: 144 }]);
  });
});
