import { describe, expect, it } from 'vitest';
import { foldFilter, foldGainDb, playableChannels } from '../../../../src/engine/local/plan/fold-down.ts';

it.each([
  ['stereo', 2, 2],
  ['5.1(side)', 6, 6],
  ['7.1', 8, 6],
  ['6.1', 7, 6],
  ['quad', 4, 2],
  [undefined, 16, 2],
  ['hexadecagonal', 16, 2],
])('%s has %i channels, and a result at most %i that players know', (layout, channels, most) => {
  expect(playableChannels({ layout, channels })).toBe(most);
});

it('channels without places are shared out, every other one to each side', () => {
  expect(foldFilter({ layout: undefined, channels: 5 }, 2)).toBe('pan=stereo|c0<c0+c2+c4|c1<c1+c3');
  expect(foldFilter({ layout: 'unknown', channels: 3 }, 1)).toBe('pan=mono|c0<c0+c1+c2');
});

describe('the gain of a mix', () => {
  it('makes up for what the weights took', () => {
    // Only the centre has sound: each side gets 0.293 of it.
    const levels = { source: [-90, -90, -20, -90, -90, -90], mix: [-30.7, -30.7], mixPeak: -20 };
    expect(foldGainDb(levels, '5.1')).toBeCloseTo(7.7, 1);
  });

  it('stops before the highest sample clips', () => {
    const levels = { source: [-90, -90, -20, -90, -90, -90], mix: [-30.7, -30.7], mixPeak: -3 };
    expect(foldGainDb(levels, '5.1')).toBeCloseTo(2, 5);
  });

  it('lowers a mix that is too loud for its peak', () => {
    expect(foldGainDb({ source: [-10, -10, -10], mix: [-10, -10], mixPeak: 0 }, '3.0')).toBe(-1);
  });

  it('does not count what only rumbles, and is none for silence', () => {
    const loud = { source: [-20, -20, -20, 0, -20, -20], mix: [-20, -20], mixPeak: -15 };
    expect(foldGainDb(loud, '5.1')).toBeCloseTo(10 * Math.log10(5 / 2), 5);
    const silent = {
      source: [Number.NEGATIVE_INFINITY],
      mix: [Number.NEGATIVE_INFINITY],
      mixPeak: Number.NEGATIVE_INFINITY,
    };
    expect(foldGainDb(silent, '5.1')).toBe(0);
  });
});
