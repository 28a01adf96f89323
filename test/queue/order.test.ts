import { describe, expect, it } from 'vitest';
import type { Job, Place, QueueOrder } from '../../src/core/job.ts';
import { type Move, placeFor, priorityOf } from '../../src/queue/order.ts';
import { aDecision, aJob, aPin, TO_DONE } from '../support/builders.ts';

const MB = 1_000_000;
let arrivals = 0;

function waiting(id: string, more: { inbox?: string; bytes?: number; target?: number; place?: Place } = {}): Job {
  const { inbox = '/in', bytes = 100 * MB, target = 50 * MB, place } = more;
  const size = { kind: 'bytes', bytes: target } as const;
  const decision = aDecision({ target: { ...aDecision().target, size } });
  arrivals += 1;
  const job = aJob({ id, inbox, arrival: arrivals, decision, pin: aPin({ sizeBytes: bytes }), relative: `${id}.mp4` });
  return place ? { ...job, place } : job;
}

/** The ids as the line has them. */
function line(jobs: readonly Job[], order: QueueOrder = 'arrival'): string {
  return jobs
    .toSorted((a, b) => priorityOf(b, order) - priorityOf(a, order))
    .map(job => job.id)
    .join('');
}

/** The jobs after a move, which must be possible. */
function moved(jobs: readonly Job[], id: string, move: Move | string): Job[] {
  const find = (wanted: string) => jobs.find(job => job.id === wanted) as Job;
  const wanted = typeof move === 'string' ? { before: find(move) } : move;
  const place = placeFor(wanted, find(id), { jobs, order: 'arrival' });
  if ('code' in place) throw new Error(place.text);
  return jobs.map(job => (job.id === id ? { ...job, place } : job));
}

describe('a move', () => {
  const [top, bottom]: Move[] = [{ to: 'top' }, { to: 'bottom' }];
  const abcd = () => ['a', 'b', 'c', 'd'].map(id => waiting(id));

  it('to the top or the bottom stands, and the last one wins', () => {
    expect(line(moved(abcd(), 'c', top as Move))).toBe('cabd');
    expect(line(moved(moved(abcd(), 'c', top as Move), 'd', top as Move))).toBe('dcab');
    expect(line(moved(moved(abcd(), 'a', bottom as Move), 'b', bottom as Move))).toBe('cdab');
    expect(line(moved(moved(abcd(), 'a', bottom as Move), 'a', top as Move))).toBe('abcd');
  });

  it('before another puts it between that and the one ahead, again and again', () => {
    expect(line(moved(abcd(), 'd', 'b'))).toBe('adbc');
    expect(line(moved(moved(abcd(), 'd', 'b'), 'c', 'b'))).toBe('adcb');
    expect(line(moved(abcd(), 'd', 'a'))).toBe('dabc');
    let jobs = abcd();
    for (let n = 0; n < 40; n += 1) jobs = moved(jobs, n % 2 ? 'c' : 'd', 'b');
    expect(line(jobs)).toBe('adcb');
    expect(line(moved(moved(abcd(), 'c', top as Move), 'd', 'c'))).toBe('dcab');
    expect(line(moved(moved(abcd(), 'a', bottom as Move), 'b', 'a'))).toBe('cdba');
  });

  it('to the top and the bottom holds in every order of the queue', () => {
    const jobs = [
      waiting('s', { bytes: 60 * MB }),
      waiting('m', { bytes: 500 * MB }),
      waiting('l', { bytes: 9_000_000 * MB }),
    ];
    expect(line(jobs, 'largest-saving')).toBe('lms');
    expect(line(moved(jobs, 's', top as Move), 'largest-saving')).toBe('slm');
    expect(line(moved(jobs, 'l', bottom as Move), 'largest-saving')).toBe('msl');
  });

  const other = waiting('x', { inbox: '/other' });
  const done = aJob({ id: 'y' }, ...TO_DONE);
  it.each<[string, Move, Job, QueueOrder, string]>([
    ['of a job that is done', { to: 'top' }, done, 'arrival', 'queue.move-begun'],
    ['before one that is done', { before: done }, waiting('a'), 'arrival', 'queue.move-before-begun'],
    ['before one of another folder', { before: other }, waiting('a'), 'arrival', 'queue.move-other-folder'],
    ['in a sorted queue', { before: waiting('b') }, waiting('a'), 'largest-saving', 'queue.move-sorted'],
  ])('%s is refused with a sentence', (_, move, job, order, code) => {
    expect(placeFor(move, job, { jobs: [job], order })).toMatchObject({ code });
  });
});
