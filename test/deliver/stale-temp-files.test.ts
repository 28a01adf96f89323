import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepOutbox } from '../../src/deliver/stale-temp-files.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aPlace, type Place } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';

let place: Place;
beforeEach(() => {
  place = aPlace();
});
afterEach(() => place.close());

const isActive = (job: string) => job === 'active';
const put = (path: string) => {
  mkdirSync(join(place.outbox, path, '..'), { recursive: true });
  writeFileSync(join(place.outbox, path), 'x');
};

test('removes temporary files of jobs that are over, everywhere below, and nothing else', async () => {
  const left = ['a/b/.shrinkbox-over.part', '.shrinkbox-gone2.part'];
  const kept = [
    'clip.mp4',
    'a/.shrinkbox-active.part',
    'a/.shrinkbox-over.mp4',
    'a/shrinkbox-over.part',
    'a/.shrinkbox-OVER.part',
    'movie.part',
  ];
  for (const path of [...left, ...kept]) put(path);
  const removed = await sweepOutbox(place.outbox, isActive, { files: nodeFiles, log: silentLogger });
  expect(removed.sort()).toEqual(left.map(path => join(place.outbox, path)).sort());
  expect(place.seen()).toEqual(kept.map(path => `${path}: 1`).sort());
});

test('a second name of a delivered file goes, the file stays', async () => {
  put('clip.mp4');
  linkSync(join(place.outbox, 'clip.mp4'), join(place.outbox, '.shrinkbox-over.part'));
  await sweepOutbox(place.outbox, isActive, { files: nodeFiles, log: silentLogger });
  expect(place.seen()).toEqual(['clip.mp4: 1']);
});

test('follows no links and removes none', async () => {
  const outside = join(place.root, 'inbox');
  writeFileSync(join(outside, '.shrinkbox-over.part'), 'x');
  symlinkSync(outside, join(place.outbox, 'away'));
  symlinkSync(place.candidate, join(place.outbox, '.shrinkbox-link.part'));
  expect(await sweepOutbox(place.outbox, isActive, { files: nodeFiles, log: silentLogger })).toEqual([]);
});

test('continues after a folder it cannot read and a file it cannot remove', async () => {
  for (const path of ['locked/.shrinkbox-a.part', 'b/.shrinkbox-b.part', 'c/.shrinkbox-c.part']) put(path);
  const files = new FailingFiles()
    .fail('readdir', 'EACCES', { on: 'locked' })
    .fail('unlink', 'EACCES', { on: '-b.part' });
  const removed = await sweepOutbox(place.outbox, isActive, { files, log: silentLogger });
  expect(removed).toEqual([join(place.outbox, 'c/.shrinkbox-c.part')]);
});

test('an outbox that is missing has nothing to sweep', async () => {
  expect(await sweepOutbox(join(place.root, 'nowhere'), isActive, { files: nodeFiles, log: silentLogger })).toEqual([]);
});
