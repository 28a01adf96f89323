import { describe, expect, it } from 'vitest';
import { finishOf, leftOf, Speed } from '../../src/queue/eta.ts';
import { aJob, TO_DONE } from '../support/builders.ts';

const HOUR = 3_600_000;
const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();

describe('what is left', () => {
  const known = { leftMs: 600, bytes: 1 };
  it.each<[string, Parameters<typeof leftOf>[0], number | undefined]>([
    ['nothing', { running: [], queued: [], slots: 1, speed: undefined }, 0],
    ['what runs', { running: [known], queued: [], slots: 1, speed: undefined }, 600],
    ['what runs and what waits', { running: [known], queued: [100, 300], slots: 1, speed: 2 }, 800],
    ['side by side', { running: [known], queued: [400, 400], slots: 2, speed: 2 }, 600],
    ['the longest alone', { running: [], queued: [5000, 10], slots: 4, speed: 1 }, 5000],
    [
      'by size where the job itself does not know',
      { running: [{ leftMs: undefined, bytes: 50 }], queued: [], slots: 1, speed: 1 },
      50,
    ],
    ['nobody knows before anything was done', { running: [known], queued: [1], slots: 1, speed: undefined }, undefined],
  ])('%s', (_, backlog, left) => expect(leftOf(backlog)).toBe(left));
});

describe('when it is done', () => {
  const nights = { fromMinute: 22 * 60, toMinute: 7 * 60 };
  it.each<[string, number, number, typeof nights | undefined, number]>([
    ['at once without hours', 5 * HOUR, at(3, 12), undefined, at(3, 17)],
    ['within the night', 2 * HOUR, at(3, 23), nights, at(4, 1)],
    ['after the day', 2 * HOUR, at(3, 12), nights, at(4, 0)],
    ['over two nights', 10 * HOUR, at(3, 22), nights, at(4, 23)],
    ['at the very end of the hours', 9 * HOUR, at(3, 22), nights, at(4, 7)],
    ['with hours that are the whole day', HOUR, at(3, 12), { fromMinute: 60, toMinute: 60 }, at(3, 13)],
  ])('%s', (_, work, now, hours, finish) => expect(finishOf(work, now, hours)).toBe(finish));

  it('is not said of what takes more than a year', () => {
    expect(finishOf(5_000 * HOUR, at(3, 12), { fromMinute: 0, toMinute: 1 })).toBeUndefined();
  });
});

it('the speed is that of the middle one of the last jobs, so that one that rested overnight says little', () => {
  const speed = new Speed();
  expect(speed.bytesPerMs).toBeUndefined();
  const done = (tookMs: number) => {
    const job = aJob({}, ...TO_DONE);
    const started = job.history.findLast(({ event }) => event === 'started')?.at ?? 0;
    return { ...job, updatedAt: started + tookMs };
  };
  for (const tookMs of [1000, 2000, 50_000_000]) speed.add(done(tookMs));
  expect(speed.bytesPerMs).toBe(500);
  speed.add(aJob());
  expect(speed.bytesPerMs).toBe(500);
});
