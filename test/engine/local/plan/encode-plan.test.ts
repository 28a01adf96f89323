import { expect, it } from 'vitest';
import { describeEncode, planEncode } from '../../../../src/engine/local/plan/encode-plan.ts';
import { say } from '../../../../src/messages/say.ts';
import type { EncodeChoice } from '../../../../src/engine/local/plan/strategy.ts';
import type { SampledRate } from '../../../../src/engine/local/plan/scale.ts';
import { CUTTING } from '../../../../src/engine/local/plan/segments.ts';
import { facts } from '../facts.ts';
import { TARGET } from '../support.ts';

const MB = 1_000_000;
const choice: EncodeChoice = {
  kind: 'encode',
  why: say('local.lossless-look'),
  codec: 'h264',
  mode: 'size',
  capBytes: 12 * MB,
};
const order = { job: 'j', source: '/in/clip.mp4', sourceBytes: 20 * MB, target: TARGET };
const options = { tools: { filters: new Set<string>() }, cutting: undefined };
const plan = (sample: SampledRate) => planEncode({ facts: facts(), order, choice, sample }, options);

it('a whole pass at the ceiling was thrown away after one sample of a quiet moment: one is not believed, three are', () => {
  const quiet = { bitsPerSecond: 200_000 };
  expect(plan({ ...quiet, places: 1, share: 0.06 }).way).toBe('size');
  expect(plan({ ...quiet, places: 1, share: 0.4 }).way).toBe('ceiling');
  expect(plan({ ...quiet, places: 3, share: 0.06 }).way).toBe('ceiling');
  // So quiet that an error of two and a half times does not matter.
  expect(plan({ bitsPerSecond: 40_000, places: 1, share: 0.06 }).way).toBe('ceiling');
  expect(plan({ bitsPerSecond: 600_000, places: 3, share: 0.06 }).way).toBe('size');
});

it('what the ceiling leaves unused is foreseen in two passes as well', () => {
  const sample = { bitsPerSecond: 200_000, places: 1, share: 0.06 };
  const planned = plan(sample);
  expect(planned.bytes).toBeLessThan(choice.capBytes);
  const lines = describeEncode({ facts: facts(), order, choice, sample }, planned, 'balanced');
  expect(lines.map(line => line.text).join('\n')).toMatch(/like the source.*two passes/s);
});

it('a street of 13 s in seven parts of AV1 was mostly keyframes: cut where keyframes come anyway, a long film each minute', () => {
  const lengthsOf = (durationS: number, fps: number, codec: 'h264' | 'av1') => {
    const cuts = Array.from({ length: durationS - 1 }, (_, at) => ({
      ...{ atS: at + 1, beforeS: at + 0.97, frame: (at + 1) * fps, key: true },
    }));
    const film = facts({ durationS, cuts, video: { fps, frames: durationS * fps } });
    const of = { ...choice, codec };
    const planned = planEncode(
      { facts: film, order, choice: of, sample: { bitsPerSecond: 1_000_000 } },
      { ...options, cutting: CUTTING },
    );
    return planned.segments.map(segment => segment.durationS);
  };
  expect(lengthsOf(13, 10, 'av1')).toEqual([13]);
  expect(lengthsOf(10, 20, 'av1')).toEqual([10]);
  expect(lengthsOf(12, 30, 'av1')).toEqual([6, 6]);
  expect(lengthsOf(60, 30, 'av1')).toEqual([10, 40, 10]);
  expect(Math.max(...lengthsOf(3_600, 30, 'av1'))).toBeLessThanOrEqual(62.5);
  expect(lengthsOf(60, 30, 'h264')).toEqual([60]);
  expect(lengthsOf(3_600, 30, 'h264')[0]).toBe(180);
});
