import { expect, it } from 'vitest';
import { cutsNeverInvent, flipsNeverInvent, historiesAgree } from './model/check.ts';
import { journalCrashes } from './model/journal-crashes.ts';
import { randomFrom } from './random.ts';

/** A slice of the model suite. All of it, with another seed each time: `npm run torture -- --suite model`. */

it('random histories of jobs, crashes and restarts go as the model says', async () => {
  await historiesAgree(40, randomFrom(1));
});

it('a journal cut at any byte says an earlier state, or ends with 14', async () => {
  await cutsNeverInvent(4, 97, randomFrom(2));
});

it('a journal with a bit turned over never says what was not', async () => {
  await flipsNeverInvent(5, 40, randomFrom(3));
});

it('a journal on a disk that keeps only what was synced loses nothing acknowledged, wherever it stops', async () => {
  const { crashes, disks } = await journalCrashes(1, false);
  expect(crashes).toBeGreaterThan(80);
  expect(disks).toBeGreaterThan(200);
});
