import { describe, expect, it } from 'vitest';
import { verbatim } from '../../src/core/message.ts';
import { Breaker } from '../../src/fleet/breaker.ts';
import type { Held, Offer } from '../../src/fleet/leases.ts';
import {
  fingerprintOf,
  isServed,
  jobOfTask,
  leaseMac,
  mayWorkElsewhere,
  queuesOf,
  taskOf,
} from '../../src/fleet/protocol.ts';
import { type Finished, mayCut, maySlice, queueFor, ringsFor, sliceArgs, stragglers } from '../../src/fleet/rules.ts';

const worker = { name: 'desk', ffmpeg: '5.1.9-0+deb12u1', encoders: { libx264: '164', libx265: '199' } };
const offer: Offer = { task: 'j.3', job: 'j', want: 'a', codec: 'h264', needsBytes: 1, frames: 250 };

describe('the protocol', () => {
  it('serves its own version and the one before', () => {
    expect([7, 6, 5, 8].map(version => isServed(version, 7))).toEqual([true, true, false, false]);
  });

  it('knows who makes the same as whom, and who cannot', () => {
    expect(fingerprintOf('h264', worker)).toBe('h264-f5-164-p1');
    expect(fingerprintOf('h264', { ...worker, ffmpeg: 'n7.1' })).toBe('h264-f7-164-p1');
    expect(fingerprintOf('av1', worker)).toBeUndefined();
  });

  it('has a worker listen to what is meant for it first, and never to what it cannot do', () => {
    expect(queuesOf(worker)).toEqual(['at.desk', 'h264-f5-164-p1', 'h265-f5-199-p1', 'h264', 'h265']);
  });

  it('signs a lease for one task, number and worker', () => {
    const key = Buffer.from('key');
    const mac = leaseMac(key, { task: 'j.0', n: 1, worker: 'desk' });
    const others = [
      { task: 'j.1', n: 1, worker: 'desk' },
      { task: 'j.0', n: 2, worker: 'desk' },
      { task: 'j.0', n: 1, worker: 'attic' },
    ].map(one => leaseMac(key, one));
    expect(others).not.toContain(mac);
    expect(leaseMac(Buffer.from('other'), { task: 'j.0', n: 1, worker: 'desk' })).not.toBe(mac);
  });

  it('tells the job of a task, and what another worker may manage', () => {
    expect(jobOfTask(taskOf('tscp6rtz', 12))).toBe('tscp6rtz');
    expect(mayWorkElsewhere('no-space')).toBe(true);
    expect(mayWorkElsewhere('incomplete-media')).toBe(false);
  });
});

describe('the doorbell', () => {
  it('rings where the first pass was made, for half a minute, then for all who make the same', () => {
    const wants = { ...offer, fingerprint: 'h264-f5-164-p1', preferred: 'desk' };
    expect(queueFor(wants, 29_999)).toBe('at.desk');
    expect(queueFor(wants, 30_000)).toBe('h264-f5-164-p1');
    expect(queueFor(offer, 0)).toBe('h264');
  });

  it('has the number of the next lease, so that ringing twice is one ring', () => {
    expect(ringsFor([{ offer, n: 4, offeredMs: 0 }], 0)).toEqual([
      { task: 'j.3', want: 'a', queue: 'h264', id: 'j.3-4' },
    ]);
  });
});

describe('a straggler', () => {
  const held = (task: string, sinceMs: number, fraction: number): Held & Pick<Finished, 'job' | 'work' | 'frames'> => ({
    ...{ task, want: 'a', n: 1, worker: 'desk', sinceMs, beatMs: 0, fraction, fps: 1, step: '', job: 'j', frames: 100 },
    work: 'measure',
  });
  const finished = [10, 12, 11].map(ms => ({ job: 'j', work: 'measure', frames: 100, ms: ms * 1000 }));
  const seen = { finished, idle: 1, had: new Set<string>() };

  it('is the slowest part of a film, at more than three times the usual time for a frame', () => {
    const slow = [held('j.1', 0, 0.2), held('j.2', 0, 0.1), held('j.3', 20_000, 0.5)];
    expect(stragglers(slow, seen, 40_000)).toEqual(['j.2']);
    expect(stragglers([held('j.1', 0, 0.9)], seen, 29_000)).toEqual([]);
    expect(stragglers([held('j.1', 0, 0)], seen, 34_000)).toEqual(['j.1']);
  });

  it('is told by parts of the same kind of work: a second pass takes longer than a first', () => {
    const second = { ...held('j.1', 0, 0.7), work: 'bytes' };
    expect(stragglers([second], seen, 40_000)).toEqual([]);
    const both = finished.flatMap(one => [one, { ...one, work: 'bytes', ms: one.ms * 2 }]);
    expect(stragglers([second], { ...seen, finished: both }, 40_000)).toEqual([]);
    expect(stragglers([second], { ...seen, finished: both }, 70_000)).toEqual(['j.1']);
  });

  it('is left alone where nobody is idle, too little is known, or the film had one', () => {
    const slow = [held('j.1', 0, 0.1)];
    expect(stragglers(slow, { ...seen, idle: 0 }, 40_000)).toEqual([]);
    expect(stragglers(slow, { ...seen, finished: finished.slice(0, 1) }, 40_000)).toEqual([]);
    expect(stragglers(slow, { ...seen, had: new Set(['j']) }, 40_000)).toEqual([]);
  });
});

const WRONG = verbatim('wrong bytes');

describe('a worker that fails', () => {
  it('three times in a row at what others can do is sent away for ten minutes, then for twenty', () => {
    const breaker = new Breaker();
    const fail = (task: string, now: number) => breaker.failed('desk', task, WRONG, now);
    expect([fail('j.1', 0), fail('j.2', 0), fail('j.3', 0)]).toEqual([false, false, true]);
    expect(breaker.benched('desk', 599_999)).toEqual({ leftMs: 1, why: WRONG });
    expect(breaker.benched('desk', 600_000)).toBeUndefined();
    for (const task of ['j.4', 'j.5', 'j.6']) fail(task, 600_000);
    expect(breaker.benched('desk', 600_000)?.leftMs).toBe(1_200_000);
  });

  it('is not to blame for a task that fails on another as well, nor before it succeeded', () => {
    const breaker = new Breaker();
    for (const task of ['j.1', 'j.2']) breaker.failed('desk', task, WRONG, 0);
    breaker.failed('attic', 'j.1', WRONG, 0);
    expect(breaker.failed('desk', 'j.3', WRONG, 0)).toBe(false);
    breaker.delivered('desk', 'j.9');
    expect(breaker.failed('desk', 'j.4', WRONG, 0)).toBe(false);
    expect(breaker.failures('desk')).toBe(1);
  });
});

describe('a slice', () => {
  const video = { rotation: 0, hiddenFrames: 0, hdr: 'sdr' } as never;

  it('is cut only where its frames are surely those of the source', () => {
    const may = (more: object) => maySlice({ video: { ...(video as object), ...more } as never });
    expect(may({})).toBe(true);
    expect([may({ rotation: 90 }), may({ hiddenFrames: 2 }), may({ hdr: 'pq' }), may({ hdr: 'hlg' })]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('keeps the clock of the source and goes on for two seconds after the part', () => {
    const part = { fromS: 69.98, toS: 129.98, startS: 10, track: 1, isSearched: true };
    const args = sliceArgs(['-i', 'source'], part, 'out');
    expect(args.join(' ')).toMatch(
      /^-copyts -ss 53\.980000 -noaccurate_seek -t 68\.000000 -i source -map 0:1 -c copy /,
    );
    // With an index, what comes before the keyframe would be sent for nothing.
    expect(sliceArgs(['-i', 'source'], { ...part, isSearched: false }, 'out').join(' ')).toMatch(
      /^-copyts -ss 58\.980000 -noaccurate_seek -t 63\.000000 -i source -map 0:1 -c copy /,
    );
    const beginning = { startS: 10, track: 0, isSearched: true };
    const first = sliceArgs(['-i', 'source'], { ...beginning, toS: 69.98 }, 'out');
    expect(first.join(' ')).toMatch(/^-copyts -t 61\.980000 -i source /);
    expect(sliceArgs(['-i', 'source'], { ...beginning, fromS: 12 }, 'out').join(' ')).toMatch(/^-copyts -i source /);
  });

  it('waits while there are two for each slot, or no room', () => {
    expect(mayCut({ count: 3, bytes: 10 }, { slots: 2, maxBytes: 100 }, 50)).toBe(true);
    expect(mayCut({ count: 4, bytes: 10 }, { slots: 2, maxBytes: 100 }, 50)).toBe(false);
    expect(mayCut({ count: 1, bytes: 60 }, { slots: 2, maxBytes: 100 }, 50)).toBe(false);
  });
});
