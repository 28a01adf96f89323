import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBytes, formatDuration, parseDuration, parseSize } from '../../src/core/units.ts';

describe('sizes', () => {
  test.each([
    ['50MB', 50_000_000],
    ['10MiB', 10_485_760],
    ['1.5 GB', 1_500_000_000],
    ['500kB', 500_000],
    ['1 KiB', 1024],
    ['0B', 0],
    [' 7B ', 7],
    ['0.1B', 0],
    ['1.9999 B', 1],
  ])('%j is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  // npm's `bytes` reads the first four as 10, 10, 10 and 5.
  test.each([
    '10M',
    '10 mb/s',
    '10mib',
    '5',
    '',
    'MB',
    '-5MB',
    '+5MB',
    '1e3MB',
    '1,5MB',
    '5  MB',
    '5MB!',
    '50 megs',
    '.5MB',
    '5.MB',
    '0x5B',
    '٥MB',
    '999999999TB',
    'NaNMB',
    '2TB',
    '5KB',
  ])('%j is refused', text => {
    expect(parseSize(text)).toBeUndefined();
  });

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [12_345_678, '12.3 MB'],
    [50_000_000, '50.0 MB'],
    [123_456_789, '123 MB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [9_995_000, '10.0 MB'],
    [1e15, '1000 TB'],
    [-1500, '-1.50 kB'],
  ])('%i bytes are %j', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('never grow when written in a larger unit', () => {
    const units = [
      ['kB', 1e3],
      ['MB', 1e6],
      ['GB', 1e9],
      ['KiB', 2 ** 10],
      ['MiB', 2 ** 20],
      ['GiB', 2 ** 30],
    ] as const;
    fc.assert(
      fc.property(fc.nat({ max: 99_999 }), fc.constantFrom(...units), (hundredths, [unit, factor]) => {
        const bytes = parseSize(`${(hundredths / 100).toFixed(2)}${unit}`);
        expect(Math.abs((bytes ?? Number.NaN) - (hundredths * factor) / 100)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('any text is a safe number of bytes or nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.float(), fc.string({ maxLength: 3 })).map(parts => parts.join('')),
        ),
        text => {
          const bytes = parseSize(text);
          expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true);
        },
      ),
    );
  });
});

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['10 s', 10_000],
    ['0s', 0],
  ])('%j is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['5', '', 's', '-5s', '1h30m', '5 min', '5S', '1e3s', '5  s', '99999999999999999d'])(
    '%j is refused',
    text => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test.each([
    [0, '0.0s'],
    [-5, '0.0s'],
    [4200, '4.2s'],
    [9999, '10.0s'],
    [10_000, '10s'],
    [59_400, '59s'],
    [59_600, '1m 00s'],
    [185_000, '3m 05s'],
    [3_720_000, '1h 02m'],
    [90_000_000, '25h 00m'],
    [7 * 86_400_000, '7d'],
    [180_000_000, '2d 02h'],
  ])('%i ms are %j', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
