/** A slice of `npm run fuzz` with a fixed seed: thousands for the walk, which costs nothing, some for probe and plan, a few encoded. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Kind } from '../../../src/core/inventory.ts';
import type { Tools } from '../../../src/media/ffmpeg/tools.ts';
import { say } from '../../../src/messages/say.ts';
import { activeChildren } from '../../../src/platform/process/run-child.ts';
import { realTools } from '../../support/footage.ts';
import { run, silentLosses, walk } from './case.ts';
import { drawCase } from './cases.ts';
import { makeSeeds, type Seed } from './seeds.ts';

const SEED = 4;
let dir: string;
let tools: Tools;
let seeds: Seed[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-fuzz-'));
  tools = await realTools();
  seeds = await makeSeeds(dir, tools, { real: false });
});
afterAll(async () => await rm(dir, { recursive: true }));

it('spoiled files: the walk through their headers ends, with a verdict', async () => {
  const wrong: string[] = [];
  for (let n = 0; n < 3_000; n += 1) {
    const drawn = drawCase(SEED, n, seeds);
    wrong.push(...(await walk(drawn.bytes)).map(sentence => `case ${n}, ${drawn.how}: ${sentence}`));
  }
  expect(wrong).toEqual([]);
});

it('spoiled files: probe and plan end in facts or in a reason, and what is delivered is no lie', async () => {
  const wrong: string[] = [];
  const ends: string[] = [];
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < 36; n = next++) {
      const drawn = drawCase(SEED, n, seeds);
      const result = await run(drawn, { tools, dir });
      ends.push(result.end);
      wrong.push(...result.wrong.map(sentence => `case ${n}, ${drawn.how}: ${sentence}`));
    }
  };
  await Promise.all([worker(), worker()]);
  expect(wrong).toEqual([]);
  // Files that are only ever refused, or never, would prove little.
  expect(ends).toContain('done');
  expect(ends).toContain('not-media');
  expect(activeChildren()).toEqual([]);
}, 600_000);

it('a loss that no note names is seen, one that a note names is none', () => {
  const item = (kind: Kind) => ({ kind, value: 'x', what: say('media.has-place') });
  const before = { inventory: [item('picture'), item('sound'), item('subtitles'), item('rotation')] };
  const after = { inventory: [item('picture'), item('sound')] };
  const keep = { audio: { kind: 'keep' } } as const;
  const note = 'subtitles dropped: they cannot be converted for MP4';
  expect(silentLosses(before, after, [], keep)).toEqual([expect.stringMatching(/^silent loss: 1 of kind subtitles/)]);
  expect(silentLosses(before, after, [note], keep)).toEqual([]);
});

it('early sound that goes with sound nobody wanted is no silent loss', () => {
  const item = {
    kind: 'early-sound' as const,
    value: '1.00',
    track: 1,
    what: say('media.has-early-sound', { seconds: 1 }),
  };
  const lost = (kind: 'keep' | 'mute') =>
    silentLosses({ inventory: [item] }, { inventory: [] }, [], { audio: { kind } });
  expect([lost('keep').length, lost('mute').length]).toEqual([1, 0]);
});
