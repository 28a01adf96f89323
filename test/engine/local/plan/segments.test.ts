import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cut } from '../../../../src/core/media-info.ts';
import { CUTTING, lengths, planSegments, wholeSegment } from '../../../../src/engine/local/plan/segments.ts';
import { facts } from '../facts.ts';

/** A cut every half second at 30 frames a second; every fourth is a keyframe. */
function evenly(durationS: number, startS = 0): Cut[] {
  return Array.from({ length: Math.floor(durationS * 2) - 1 }, (_, at) => {
    const atS = startS + (at + 1) / 2;
    return { atS, beforeS: atS - 1 / 30, frame: (at + 1) * 15, key: at % 4 === 3 };
  });
}

const clip = (durationS: number, startS = 0) =>
  facts({ durationS, startS, cuts: evenly(durationS, startS), video: { frames: durationS * 30 } });

describe('of a part of a film', () => {
  const window = { fromS: 99.98, toS: 160.02, beforeS: 99.96, sourceStartS: 40, sourceDurationS: 300, bytes: 1 };
  const part = { ...clip(60, 100), window };

  it('the first and the last end where it ends', () => {
    const found = planSegments(part, { longestS: 20 });
    expect(found.length).toBeGreaterThan(2);
    expect(found[0]).toMatchObject({ fromS: 99.98, beforeS: 99.96, atS: 100 });
    expect(found.at(-1)?.toS).toBe(160.02);
    expect(found.reduce((sum, segment) => sum + segment.frames, 0)).toBe(1800);
    expect(planSegments(part)).toEqual([expect.objectContaining({ fromS: 99.98, toS: 160.02, frames: 1800 })]);
  });

  it('one that cannot be cut is found by decoding from the film’s beginning', () => {
    expect(wholeSegment(part)).toEqual([expect.objectContaining({ fromS: 99.98, toS: 160.02, isReadFromStart: true })]);
    expect(wholeSegment(clip(60))[0]?.isReadFromStart).toBeUndefined();
  });
});

describe('parts', () => {
  const cases: [number, number[]][] = [
    [200, [120, 50, 20]],
    [600, [180, 180, 145, 55]],
  ];
  it.each(cases)('%d s: the last is small, and cuts come where keyframes would', (durationS, expected) => {
    const found = lengths(durationS, CUTTING);
    expect(found.length).toBe(expected.length);
    for (const [at, length] of expected.entries()) expect(found[at]).toBeCloseTo(length, 0);
  });

  it('what is not longer than one part is not cut: two halves of 12 s cost a sixth more than the whole', () => {
    for (const durationS of [3, 12, 60, 180]) expect(planSegments(clip(durationS)).length).toBe(1);
  });

  it('of a long film none is longer than three minutes', () => {
    const found = planSegments(clip(7_200));
    expect(Math.max(...found.map(segment => segment.durationS))).toBeLessThanOrEqual(183);
    expect(found.length).toBeGreaterThanOrEqual(40);
  });

  it('begin at keyframes close by', () => {
    const [first, second] = planSegments(clip(60, 100), { longestS: 40 });
    expect(first).toMatchObject({ index: 0, atS: 100, durationS: 34, frames: 34 * 30 });
    expect(second).toMatchObject({ index: 1, atS: 134 });
    expect(second?.fromS).toBeCloseTo(134 - 1 / 60);
    expect(first?.toS).toBe(second?.fromS);
  });

  it('a source that cannot be cut is one part', () => {
    expect(planSegments(facts())).toEqual(wholeSegment(facts()));
  });

  it('every frame is in exactly one of them, whatever the length', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 200, noNaN: true }),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (durationS, longestS) => {
          const source = clip(Math.max(0.2, durationS), 7);
          const segments = planSegments(source, { longestS });
          expect(segments.reduce((sum, segment) => sum + segment.frames, 0)).toBeCloseTo(source.video.frames);
          expect(segments.reduce((sum, segment) => sum + segment.durationS, 0)).toBeCloseTo(source.durationS);
          for (const [at, segment] of segments.entries()) {
            expect(segment.frames).toBeGreaterThan(0);
            expect(segment.fromS).toBe(segments[at - 1]?.toS);
          }
        },
      ),
    );
  });
});
