import { expect, it } from 'vitest';
import { secondsIn, stretched } from '../../../../src/engine/local/encode/x264-stats.ts';

const LOG = `#options: 854x480 fps=30000/1001 timebase=1/90000 bitdepth=8 cabac=1 ref=1
in:0 out:0 type:I dur:6006 cpbdur:6006 q:32.03 aq:24.05 tex:178880 mv:44257 misc:159 imb:1620 pmb:0 smb:0 d:- ref:;
in:4 out:1 type:P dur:6006 cpbdur:6006 q:32.03 aq:25.10 tex:8865 mv:2874 misc:997 imb:12 pmb:523 smb:1085 d:- ref:0 ;
in:2 out:2 type:B dur:5940 cpbdur:5940 q:32.03 aq:26.74 tex:1236 mv:1056 misc:500 imb:0 pmb:89 smb:1531 d:- ref:0 ;
`;

it('a phone whose last frame is cut short came out 0.8 % over: x264 counts that frame whole', () => {
  expect(secondsIn(LOG)).toBeCloseTo((6006 + 6006 + 5940) / 180_000, 9);
  expect(secondsIn('')).toBeUndefined();
  expect(secondsIn('#options: timebase=1/90000 x\n')).toBeUndefined();
});

it('a minute at 22 kb/s was filled to 96 %: between two kilobits lies the same log with shorter frames', () => {
  const many = LOG.split('\n')[0] + '\n' + 'in:1 out:1 type:P dur:3 cpbdur:3 q:1 tex:1;\n'.repeat(10_000);
  const before = secondsIn(many) ?? 0;
  for (const factor of [0.957, 0.9999, 1.02]) {
    expect((secondsIn(stretched(many, factor)) ?? 0) / before).toBeCloseTo(factor, 4);
  }
  // Nothing else of it changes.
  expect(stretched(LOG, 1)).toBe(LOG);
  expect(stretched(LOG, 0.5).replaceAll(/dur:\d+/g, '')).toBe(LOG.replaceAll(/dur:\d+/g, ''));
  expect(stretched(LOG, 0.5)).toContain('dur:3003 cpbdur:6006');
});
