import { describe, expect, it } from 'vitest';
import { describeEncode, planEncode, whatIsBelow, whyGivenUp } from '../../../../src/engine/local/plan/encode-plan.ts';
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
const options = { tools: { filters: new Set<string>() }, cutting: undefined, atOnce: () => 1 };
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

describe('how bad it may look', () => {
  /** 60 s in 720p; at full size, 2 Mbit/s are CRF 28. */
  const film = facts({ video: { width: 1280, height: 720, displayWidth: 1280, displayHeight: 720 }, audio: [] });
  const sample: SampledRate = { bitsPerSecond: 2_000_000 / 1.2, places: 8, share: 0.02 };
  const at = (capBytes: number, floor?: EncodeChoice['floor'], more: Partial<EncodeChoice> = {}, of = sample) => {
    const basis = { facts: film, order, sample: of, choice: { ...choice, capBytes, ...(floor && { floor }), ...more } };
    return { basis, plan: planEncode(basis, options) };
  };
  const below = (megabytes: number, floor?: EncodeChoice['floor'], of = sample) =>
    at(megabytes * MB, floor, {}, of).plan.belowFloor;

  it('good is all of the picture below CRF 27, decent what explain calls decent, any all but nothing', () => {
    // [megabytes, in place of none at all, any, decent, good]
    const table: [number, boolean, boolean, boolean, boolean][] = [
      [18, false, false, false, false],
      [14, false, false, false, true],
      [4, false, false, false, true],
      [1.5, false, false, true, true],
      [0.6, true, false, true, true],
      [0.06, true, true, true, true],
    ];
    for (const [megabytes, ...expected] of table)
      expect([
        megabytes,
        below(megabytes),
        ...(['any', 'decent', 'good'] as const).map(floor => below(megabytes, floor)),
      ]).toEqual([megabytes, ...expected]);
  });

  it('explain says decent at best of a picture made smaller, however fine it is', () => {
    // Half of it at CRF 25, which at full size would be called good.
    const { basis, plan: smaller } = at(6.5 * MB);
    expect(smaller.scale).toBeLessThan(1);
    const lines = describeEncode(basis, smaller, 'balanced').map(line => line.text);
    expect(lines.join('\n')).toMatch(/expected to look decent/);
  });

  it.each(['decent', 'good'] as const)('the size named does: %s', floor => {
    const { basis, plan: tooSmall } = at(MB, floor);
    const { needed } = whatIsBelow(basis, tooSmall, options.tools);
    expect(needed).toBeLessThan(order.sourceBytes);
    expect(below(needed / MB, floor)).toBe(false);
    expect(below((needed / MB) * 0.9, floor)).toBe(true);
  });

  it('ten thousand specks were called unrecognisable, where not even empty pictures fit', () => {
    const specks = facts({ durationS: 100, audio: [], video: { width: 2, height: 2, frames: 10_000, fps: 100 } });
    const of = (capBytes: number) => {
      const basis = { facts: specks, order, sample: { bitsPerSecond: 30_000 }, choice: { ...choice, capBytes } };
      return whatIsBelow(basis, planEncode(basis, options), options.tools);
    };
    expect(of(123_000)).toMatchObject({ isPossible: false, crowded: 10_000 });
    expect(of(400_000)).not.toHaveProperty('crowded');
  });

  it('the size of the source is named where only that will do', () => {
    const { basis, plan: tooSmall } = at(MB, 'good', {}, { ...sample, bitsPerSecond: 20_000_000 });
    expect(whatIsBelow(basis, tooSmall, options.tools).needed).toBe(order.sourceBytes);
  });

  it('one doubtful sample holds no job, but it is believed where the quality can be kept', () => {
    const doubtful = { ...sample, places: 1, share: 0.01 };
    expect(below(1.5, 'decent', doubtful)).toBe(false);
    const otherwise: EncodeChoice = { ...choice, mode: 'quality' };
    expect(at(1.5 * MB, 'decent', { otherwise }, doubtful).plan.belowFloor).toBe(true);
  });

  it('what is given up is said with the look, the size that would do and the words that force it', () => {
    const { basis, plan: tooSmall } = at(MB, 'good');
    expect(whyGivenUp(basis.choice, whatIsBelow(basis, tooSmall, options.tools)).text).toMatch(
      /^not made as small as 1 MB, in which it would look .*, at \d+x\d+, .* it looks good from about [\d.]+ MB on\. The words “no matter how it looks” ask for 1 MB all the same$/,
    );
  });
});
