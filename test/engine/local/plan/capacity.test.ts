import { describe, expect, it } from 'vitest';
import { capacityFor } from '../../../../src/engine/local/plan/capacity.ts';
import { evenLengths } from '../../../../src/engine/local/plan/segments.ts';
import { facts } from '../facts.ts';

const GB = 1e9;

describe('how many parts are encoded at once', () => {
  const of = (
    lines: number,
    cores: number,
    options: { threads?: number; memoryBytes?: number; seconds?: number } = {},
  ) => {
    const { threads, memoryBytes = 64 * GB, seconds = 7_200 } = options;
    const [width, height] = [Math.round((lines * 16) / 9), lines];
    const film = facts({ durationS: seconds, video: { width, height, frames: seconds * 25 } });
    const { atOnce, threads: each } = capacityFor(
      { facts: film, picture: { width, height } },
      { cores, memoryBytes },
      threads,
    );
    return [atOnce, each];
  };

  it('one where one encoder keeps the cores busy, as on any small machine', () => {
    expect(of(1080, 2)).toEqual([1, undefined]);
    expect(of(480, 2)).toEqual([1, undefined]);
    expect(of(480, 4)).toEqual([1, undefined]);
    expect(of(1080, 12)).toEqual([1, undefined]);
    expect(of(2160, 32)).toEqual([1, undefined]);
  });

  it('16 cores and 480p were a third busy: three, which share the cores', () => {
    expect(of(480, 16)).toEqual([3, 5]);
    expect(of(720, 16)).toEqual([2, 8]);
    expect(of(1080, 32)).toEqual([3, 10]);
  });

  it('a film of tiny pictures has one thread an encoder, and so an encoder for each core', () => {
    expect(of(180, 2, { seconds: 300 })).toEqual([2, 1]);
    expect(of(180, 8, { seconds: 300 })).toEqual([8, 1]);
  });

  it('local.threads are all there are', () => {
    expect(of(480, 16, { threads: 4 })).toEqual([1, 4]);
    expect(of(480, 16, { threads: 10 })).toEqual([2, 5]);
    expect(of(180, 16, { threads: 1, seconds: 300 })).toEqual([1, 1]);
  });

  it('no more than half of the memory can hold', () => {
    expect(of(720, 64, { memoryBytes: 2 * GB })).toEqual([2, 32]);
    expect(of(480, 16, { memoryBytes: 0.25 * GB })).toEqual([1, undefined]);
  });
});

describe('parts that are encoded at once', () => {
  const cutting = { longestS: 180 };
  const parts = (durationS: number, atOnce: number) => {
    const all = evenLengths(durationS, cutting, atOnce);
    return [all.length + 1, all[0] ?? durationS];
  };

  it('are about as long, none longer than others would be, and there is one for everybody', () => {
    expect(parts(7_200, 10)).toEqual([40, 180]);
    expect(parts(600, 3)).toEqual([6, 100]);
    expect(parts(700, 3)).toEqual([6, 700 / 6]);
    expect(parts(600, 10)).toEqual([10, 60]);
    expect(parts(200, 10)).toEqual([3, 200 / 3]);
  });

  it('a film of three minutes stays whole', () => {
    expect(parts(180, 10)).toEqual([1, 180]);
  });
});
