import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepOutbox } from '../../src/deliver/stale-temp-files.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { type DeliveryFixture, deliveryFixture } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';

let fixture: DeliveryFixture;
beforeEach(() => {
  fixture = deliveryFixture();
});
afterEach(() => fixture.close());

const isActive = (job: string) => job === 'active';
const put = (path: string) => {
  mkdirSync(join(fixture.outbox, path, '..'), { recursive: true });
  writeFileSync(join(fixture.outbox, path), 'x');
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
  const removed = await sweepOutbox(fixture.outbox, isActive, { files: nodeFiles, log: silentLogger });
  expect(removed.sort()).toEqual(left.map(path => join(fixture.outbox, path)).sort());
  expect(fixture.seen()).toEqual(kept.map(path => `${path}: 1`).sort());
});

test('a second name of a delivered file goes, the file stays', async () => {
  put('clip.mp4');
  linkSync(join(fixture.outbox, 'clip.mp4'), join(fixture.outbox, '.shrinkbox-over.part'));
  await sweepOutbox(fixture.outbox, isActive, { files: nodeFiles, log: silentLogger });
  expect(fixture.seen()).toEqual(['clip.mp4: 1']);
});

test('follows no links and removes none', async () => {
  const outside = join(fixture.root, 'inbox');
  writeFileSync(join(outside, '.shrinkbox-over.part'), 'x');
  symlinkSync(outside, join(fixture.outbox, 'away'));
  symlinkSync(fixture.candidate, join(fixture.outbox, '.shrinkbox-link.part'));
  expect(await sweepOutbox(fixture.outbox, isActive, { files: nodeFiles, log: silentLogger })).toEqual([]);
});

test('continues after a folder it cannot read and a file it cannot remove', async () => {
  for (const path of ['locked/.shrinkbox-a.part', 'b/.shrinkbox-b.part', 'c/.shrinkbox-c.part']) put(path);
  const files = new FailingFiles()
    .fail('readdir', 'EACCES', { on: 'locked' })
    .fail('unlink', 'EACCES', { on: '-b.part' });
  const removed = await sweepOutbox(fixture.outbox, isActive, { files, log: silentLogger });
  expect(removed).toEqual([join(fixture.outbox, 'c/.shrinkbox-c.part')]);
});

test('an outbox that is missing has nothing to sweep', async () => {
  expect(await sweepOutbox(join(fixture.root, 'nowhere'), isActive, { files: nodeFiles, log: silentLogger })).toEqual(
    [],
  );
});
