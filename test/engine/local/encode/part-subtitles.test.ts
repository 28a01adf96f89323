import { expect, it } from 'vitest';
import { textsWithin } from '../../../../src/engine/local/encode/part-subtitles.ts';

const SRT = `1\r
00:00:01,000 --> 00:00:04,000\r
one\r
\r
2
00:00:04,500 --> 00:00:06,000
<i>two</i>
of two lines

3
01:00:00,000 --> 01:00:01,500
three
`;

it('texts are cut off at the ends of a part, and those outside are left out', () => {
  expect(textsWithin(SRT, 3.25, 5)).toBe(
    '1\n00:00:03,250 --> 00:00:04,000\none\n\n2\n00:00:04,500 --> 00:00:05,000\n<i>two</i>\nof two lines\n',
  );
  expect(textsWithin(SRT, 3600.5, 4000)).toBe('1\n01:00:00,500 --> 01:00:01,500\nthree\n');
  expect(textsWithin(SRT, 4, 4.5)).toBe('');
  expect(textsWithin('', 0, 10)).toBe('');
});
