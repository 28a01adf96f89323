import { expect, it } from 'vitest';
import { threadsFor } from '../../../../src/engine/local/plan/presets.ts';
import { facts } from '../facts.ts';

it('24 frames came out at 86 to 94 % of the size for one bit rate: of few frames one thread knows what it has spent', () => {
  expect(threadsFor(facts({ video: { frames: 24 } }), undefined)).toBe(1);
  expect(threadsFor(facts({ video: { frames: 24 } }), 4)).toBe(1);
  expect(threadsFor(facts(), 4)).toBe(4);
  expect(threadsFor(facts(), undefined)).toBeUndefined();
});
