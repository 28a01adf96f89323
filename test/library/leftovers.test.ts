import { copyFileSync, linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { LibraryFixture } from './support.ts';

// What a crash leaves at each step, with the journal lost, is tried in test/long/library/crashes.test.ts.
async function done(name: string): Promise<LibraryFixture> {
  const library = await new LibraryFixture({ name }).mark();
  await library.run(nodeFiles);
  return library;
}

test('what is under way, or was brought back by hand, is nobody’s to settle', async () => {
  const library = await done('clip.mov');
  copyFileSync(library.inArchive()[0] ?? '', library.path);
  writeFileSync(`${library.library}/.shrinkbox-job2.part`, 'half');
  writeFileSync(`${library.library}/arriving.mp4`, '');
  const before = [library.seen(), library.inArchive()];
  const isAtWork = (job: string) => job === 'job2';
  const isArchived = (path: string) => path === library.inArchive()[0];
  expect(await library.settleLeftovers(nodeFiles, true, { isAtWork, isArchived, isDoneAt: () => true })).toEqual([]);
  expect(await library.settleLeftovers(nodeFiles, true, { isAtWork, isArchived, isAtWorkAt: () => true })).toEqual([]);
  expect([library.seen(), library.inArchive()]).toEqual(before);
  const found = await library.settleLeftovers(nodeFiles, true, { isArchived, isDoneAt: () => true });
  expect([found.length, library.seen()]).toEqual([1, ['arriving.mp4', 'clip.mov', 'clip.mp4']]);
  library.close();
});

test('an original that nothing else has is put back or stays, and never goes', async () => {
  const library = await done('clip.mp4');
  const hidden = `${library.library}/.shrinkbox-job1.original`;
  renameSync(library.inArchive()[0] ?? '', hidden);
  rmSync(library.path);
  const [found, ...others] = await library.settleLeftovers(nodeFiles);
  expect([found?.isSettled, others, library.seen()]).toEqual([false, [], ['.shrinkbox-job1.original']]);
  expect(found?.why.text).toMatch(/rename it to have it back/);
  writeFileSync(library.path, library.result);
  expect(await library.settleLeftovers(nodeFiles)).toMatchObject([{ isSettled: true }]);
  expect([library.seen(), library.has(library.path, library.original)]).toEqual([['clip.mp4'], true]);
  library.close();
});

test('another film that has the same name in the archive stays there', async () => {
  const library = await new LibraryFixture({ name: 'clip.mp4' }).mark();
  writeFileSync(`${library.archive}/clip.mp4`, Buffer.alloc(library.original.length, 'another'));
  linkSync(library.path, `${library.root}/elsewhere`);
  expect(await library.settleLeftovers(nodeFiles)).toEqual([]);
  expect(library.inArchive()).toHaveLength(1);
  library.close();
});
