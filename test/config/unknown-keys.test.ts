import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closest, editDistance } from '../../src/config/unknown-keys.ts';

describe('edit distance', () => {
  test.each([
    ['', '', 0],
    ['size', 'size', 0],
    ['', 'abc', 3],
    ['sise', 'size', 1],
    ['szie', 'size', 1],
    ['siz', 'size', 1],
    ['ssize', 'size', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('%j to %j takes %i', (a, b, steps) => {
    expect(editDistance(a, b)).toBe(steps);
    expect(editDistance(b, a)).toBe(steps);
  });

  test('is zero for equal words only, and never more than the longer word', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const steps = editDistance(a, b);
        expect(steps === 0).toBe(a === b);
        expect(steps).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('did you mean', () => {
  const KNOWN = ['inbox', 'outbox', 'size', 'min_size', 'state_dir', 'fps'];
  test.each([
    ['sise', 'size'],
    ['inbxo', 'inbox'],
    ['stateDir', 'state_dir'],
    ['STATE-DIR', 'state_dir'],
    ['minsize', 'min_size'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
    ['s'.repeat(100_000), undefined],
  ])('%j: %j', (word, meant) => {
    expect(closest(word, KNOWN)).toBe(meant);
  });
});
