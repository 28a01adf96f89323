import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatClock, parseClock, partOf, type Trim } from '../../src/core/trim.ts';

describe('a moment on the clock', () => {
  test.each<[string, number]>([
    ['0:10', 10],
    ['12:34.5', 754.5],
    ['1:02:03', 3723],
    ['0:00', 0],
    ['90:00', 5400],
  ])('%s is %d s', (text, seconds) => {
    expect(parseClock(text)).toBe(seconds);
  });

  test.each(['10', '0:75', '1:60:00', '1:2:3', '0:1', ':10', '0:10:', 'a:bc', '-0:10', '0:10 s'])(
    '%j is none',
    text => {
      expect(parseClock(text)).toBeUndefined();
    },
  );

  test('is read as it is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99 * 3_600_000 }), ms => {
        expect(parseClock(formatClock(ms / 1000))).toBe(ms / 1000);
      }),
    );
  });
});

describe('a part of 20 s', () => {
  const part = (fromS: number, toS: number, more = {}) => ({
    kind: 'part',
    fromS,
    toS,
    isShort: false,
    isWhole: false,
    ...more,
  });
  test.each<[Trim, object]>([
    [{ from: 5, to: 10 }, part(5, 10)],
    [{ to: 10 }, part(0, 10)],
    [{ from: -5 }, part(15, 20)],
    [{ to: -5 }, part(0, 15)],
    [{ from: 5, to: -5 }, part(5, 15)],
    [{ from: 10, to: 30 }, part(10, 20, { isShort: true })],
    [{ from: -30, to: -5 }, part(0, 15, { isShort: true })],
    [{ to: 20 }, part(0, 20, { isWhole: true })],
    [{ to: 60 }, part(0, 20, { isWhole: true, isShort: true })],
    [{ from: 300 }, { kind: 'nothing' }],
    [{ from: 20 }, { kind: 'nothing' }],
    [{ to: -60 }, { kind: 'nothing' }],
    [{ from: 12, to: -10 }, { kind: 'nothing' }],
  ])('%j', (trim, expected) => {
    expect(partOf(trim, 20)).toEqual(expected);
  });
});
