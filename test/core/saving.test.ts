import { expect, it } from 'vitest';
import { daysOf } from '../../src/api/savings.ts';
import { viewOf } from '../../src/api/views.ts';
import { formatSaving } from '../../src/commands/support/terminal.ts';
import { comparable, savedPercent } from '../../src/core/saving.ts';
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
