import { expect, it } from 'vitest';
import { daysOf } from '../../src/api/savings.ts';
import { viewOf } from '../../src/api/views.ts';
import type { JobEvent } from '../../src/core/events.ts';
import type { Job } from '../../src/core/job.ts';
import { comparable, formatSaving, noSpace, savedPercent, type Space, spaceAt } from '../../src/core/saving.ts';
import { successReport } from '../../src/deliver/report.ts';
import { notificationFor } from '../../src/notify/formats.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aJob, aPin, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

it('compares the sizes of files, and nothing with the file that holds a link', () => {
  expect(savedPercent('a.mp4', 100, 18)).toBe(82);
  expect(savedPercent('a.url', 60, 992_000)).toBeUndefined();
  expect(savedPercent('a.mp4', 0, 18)).toBeUndefined();
  expect(comparable('a.webloc', 60, 992_000)).toEqual({ before: 0, after: 0 });
});

it('counts no saving for a link, anywhere (was: -992 kB saved)', async () => {
  const at = { path: '/in/trip.url', relative: 'trip.url', pin: aPin({ sizeBytes: 60 }) };
  const job = aJob(at, ...TO_DONE);
  const view = viewOf(job);
  expect(formatSaving(view.source, view.source_bytes, view.output_bytes ?? 0)).toBe('400 kB');
  expect(notificationFor(view, null).text).toBe('400 kB');
  expect(daysOf([view])).toMatchObject([{ done: 1, source_bytes: 0, saved_bytes: 0 }]);
  const facts = { job: 'a', source: at.path, sourceBytes: 60, at: 0, output: '/out/trip.mp4', outputBytes: 400_000 };
  expect(successReport({ ...facts, how: 'x', notes: [], evidence: 'y' })).toContain('trip.url is done: 400 kB.');
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  const admitted = { arrival: 1, inbox: '/in', ...at, fingerprint: '', version: 1, decision: aDecision() };
  await ledger.commit('a', { event: 'admitted', data: admitted }, ...TO_DONE);
  expect(ledger.totals()).toEqual({ done: 1, sourceBytes: 0, outputBytes: 0 });
});

it('the line says what a result is, not what it saves: its original may still be there', () => {
  expect(formatSaving('a.mp4', 100e6, 18e6)).toBe('100 MB -> 18.0 MB (82 % smaller)');
  expect(formatSaving('a.mp4', 100e6, 110e6)).toBe('100 MB -> 110 MB (10 % larger)');
  expect(formatSaving('a.mp4', 100e6, 100e6)).toBe('100 MB -> 100 MB (same size)');
});

const DELETED: JobEvent = { event: 'disposed', data: { kind: 'deleted', to: '/in/clip.mp4' } };
const ARCHIVED: JobEvent = { event: 'disposed', data: { kind: 'archived', to: '/old/clip.mp4' } };
const doneWith = (...disposed: JobEvent[]) => [...TO_DONE.slice(0, -1), ...disposed, ...TO_DONE.slice(-1)];
const none = { files: 0, bytes: 0 };
const one = { files: 1, bytes: 1_000_000 };

it.each<[string, Job[], Partial<Space>]>([
  // Was: 600 kB "saved", although the disk held 400 kB more than before.
  ['a kept original frees nothing', [aJob({}, ...TO_DONE)], { freedBytes: 0, left: one, archived: none }],
  ['an archived one neither', [aJob({}, ...doneWith(ARCHIVED))], { freedBytes: 0, left: none, archived: one }],
  ['a deleted one does', [aJob({}, ...doneWith(DELETED))], { freedBytes: 600_000, left: none, archived: none }],
  [
    'two versions have one original',
    [aJob({}, ...TO_DONE), aJob({ id: 'bbbb', version: 2 }, ...TO_DONE)],
    { sourceBytes: 1_000_000, outputBytes: 400_000, left: one },
  ],
  [
    'an original that another file replaced is not in the inbox any more',
    [aJob({}, ...TO_DONE), aJob({ id: 'bbbb', fingerprint: 'content-2' })],
    { sourceBytes: 1_000_000, freedBytes: 0, left: none },
  ],
  ['nothing was done', [aJob()], { sourceBytes: 0, left: none }],
])('%s', (_, jobs, expected) => expect(spaceAt(jobs)).toMatchObject(expected));

it('the account of space follows jobs as they come, go and are restored', async () => {
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  const admitted = (relative: string): JobEvent => ({
    event: 'admitted',
    data: {
      ...{ arrival: 1, inbox: '/in', path: `/in/${relative}`, relative, pin: aPin(), fingerprint: relative },
      ...{ version: 1, decision: aDecision() },
    },
  });
  await ledger.commit('a', admitted('a.mp4'), ...doneWith(DELETED));
  await ledger.commit('b', admitted('b.mp4'), ...doneWith(ARCHIVED));
  expect(ledger.space()).toMatchObject({ sourceBytes: 2_000_000, freedBytes: 600_000, left: none, archived: one });
  await ledger.commit('b', { event: 'restored', data: { to: '/in/b.mp4' } });
  expect(ledger.space()).toMatchObject({ left: one, archived: none });
  await ledger.commit('b', { event: 'repinned', data: { path: '/in/c.mp4', relative: 'c.mp4', pin: aPin() } });
  expect(ledger.space()).toMatchObject({ left: one, archived: none });
  for (const id of ['a', 'b']) await ledger.commit(id, { event: 'forgotten', data: { by: 'a person' } });
  expect(ledger.space()).toEqual(noSpace());
});
