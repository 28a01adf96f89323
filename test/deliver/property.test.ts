import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isShrinkError } from '../../src/core/errors.ts';
import { deliver } from '../../src/deliver/deliver.ts';
import { collisionKey } from '../../src/deliver/safe-names.ts';
import { deliveryFixture, read } from '../support/delivery.ts';

const part = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '..',
    '.',
    'clip.mp4',
    'Clip.mp4',
    'a',
    'A',
    '-rf',
    '.hidden',
    'con',
    'é',
    'e\u0301',
    'x'.repeat(255),
    '\n',
  ),
);
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'));

test('any name delivered stays inside the outbox, overwrites nothing, and clashes with nothing for any client', async () => {
  const check = fc.asyncProperty(
    fc.array(path, { minLength: 1, maxLength: 5 }),
    fc.boolean(),
    async (paths, portable) => {
      const fixture = deliveryFixture({ bytes: 100 });
      try {
        const mine = ['clip.mp4', 'a/clip.mp4', '_'];
        for (const name of mine) {
          mkdirSync(join(fixture.outbox, dirname(name)), { recursive: true });
          writeFileSync(join(fixture.outbox, name), 'mine');
        }
        const given: string[] = [];
        for (const [i, relative] of paths.entries()) {
          writeFileSync(fixture.candidate, Buffer.alloc(100, i));
          given.push(...(await outputOf(fixture, relative, i, portable)));
        }
        for (const name of mine) expect(read(fixture.outbox, name).toString()).toBe('mine');
        for (const output of given) {
          expect(relative(fixture.outbox, output)).not.toMatch(/^(\.\.|\/|$)/);
          expect(statSync(output).size).toBe(100);
        }
        expect(readdirSync(fixture.root).sort()).toEqual(['inbox', 'outbox', 'work']);
        expect(fixture.seen()).toHaveLength(mine.length + given.length);
        expect(new Set(given.map(collisionKey)).size).toBe(given.length);
      } finally {
        fixture.close();
      }
    },
  );
  await fc.assert(check, { numRuns: 60 });
});

/** Delivers the i-th content; none where a file stands where the path needs a folder, or nothing was named. */
async function outputOf(fixture: ReturnType<typeof deliveryFixture>, relative: string, i: number, portable: boolean) {
  const sha256 = createHash('sha256').update(Buffer.alloc(100, i)).digest('hex');
  try {
    const options = fixture.options({ job: `job${i}`, relative, portable });
    return [(await deliver({ ...fixture.verified, sha256 }, options)).output];
  } catch (error) {
    if (isShrinkError(error, 'denied', 'bad-name')) return [];
    throw error;
  }
}
