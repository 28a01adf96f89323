import { expect, test } from 'vitest';
import { findConflicts } from '../../src/config/conflicts.ts';

test('real paths can be compared once links are resolved', () => {
  const written = { stateDir: '/state', folders: [{ inbox: '/in', outbox: '/media/out' }] };
  expect(findConflicts(written)).toEqual([]);
  expect(findConflicts({ ...written, folders: [{ inbox: '/media', outbox: '/media/out' }] })).toEqual([
    {
      path: ['folders', 0, 'outbox'],
      message: 'is inside the inbox of folders[0] (/media); results would be compressed again and again',
    },
  ]);
});

test('an inbox that is the root holds everything', () => {
  const { length } = findConflicts({ stateDir: '/state', folders: [{ inbox: '/', outbox: '/out', archive: '/old' }] });
  expect(length).toBe(3);
});

test('unknown folders are not compared', () => {
  expect(findConflicts({ folders: [{ outbox: '/a' }, { inbox: '/b' }, {}] })).toEqual([]);
});

test('originals archived among the working files were swept away at the next start', () => {
  const inState = (folder: { outbox?: string; archive?: string }) =>
    findConflicts({ stateDir: '/state', folders: [{ inbox: '/in', ...folder }] });
  expect(inState({ archive: '/state/work' })).toEqual([
    {
      path: ['folders', 0, 'archive'],
      message: "is inside state_dir (/state), which is for shrinkbox's own files only",
    },
  ]);
  expect(inState({ outbox: '/state' }).map(({ path }) => path)).toEqual([['folders', 0, 'outbox']]);
  expect(inState({ outbox: '/state-of-the-art', archive: '/' })).toEqual([]);
});

test('originals were archived into a library that lay in an archive', () => {
  const [library, archive] = ['/srv/videos', '/srv'];
  const message = 'is inside the archive of folders[1] (/srv); originals could be archived into the library';
  const other = { inbox: '/in', outbox: '/out', archive };
  expect(findConflicts({ folders: [{ library, archive: '/old' }, other] })).toEqual([
    { path: ['folders', 0, 'library'], message },
  ]);
  expect(findConflicts({ folders: [{ library, archive }] }).map(({ path }) => path)).toEqual([
    ['folders', 0, 'library'],
  ]);
  // Nothing is ever put into an inbox.
  expect(findConflicts({ folders: [{ inbox: '/srv/in', outbox: '/srv', archive }] })).toEqual([]);
});
