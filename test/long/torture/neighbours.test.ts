import { expect, test } from 'vitest';
import { noNeighbours } from '../../support/exchanger.ts';
import { attacks } from './neighbours/acts.ts';

/** Half a minute in all; a minute for each: `npm run torture -- --suite neighbours`. */
test.skipIf(noNeighbours).each(attacks)('another user gets nothing through, at full speed: $name', async ({ run }) => {
  const { tries, exchanges } = await run({ forMs: 30_000 / attacks.length, seed: Date.now() % 2 ** 30 });
  expect(tries).toBeGreaterThan(0);
  expect(exchanges).toBeGreaterThan(0);
});
