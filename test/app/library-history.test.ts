import { expect, it } from 'vitest';
import { samePlace } from '../../src/app/library-history.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { makeReason } from '../../src/core/job.ts';
import { say } from '../../src/messages/say.ts';
import { aJob } from '../support/builders.ts';

/** What an earlier job of a film says against doing it, that ended so. */
const against = (...events: JobEvent[]) => {
  const job = { ...aJob({}, ...events), library: true as const };
  return samePlace([job], job.pin)?.left;
};

it('the film at work when a library was stopped was in no later plan', () => {
  const reason = makeReason('cancelled', say('library.stopped'));
  expect(against({ event: 'cancelled', data: { reason } })).toBeUndefined();
});

it('a film that a person cancelled is left alone', () => {
  const reason = makeReason('cancelled', say('queue.cancelled'));
  expect(against({ event: 'cancelled', data: { reason } })).toBe('brought-back');
});

it('what is under way or came to nothing is left alone', () => {
  const reason = { code: 'skipped' as const, text: 'it would not be smaller' };
  expect([against(), against({ event: 'skipped', data: { reason } })]).toEqual(['brought-back', 'brought-back']);
});
