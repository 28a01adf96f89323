import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, type Job, STATE_NAMES } from '../../src/core/job.ts';
import { allowedIn, apply, IllegalEvent } from '../../src/core/lifecycle.ts';
import { HISTORY_LIMIT } from '../../src/core/history.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { aJob, TO_DONE } from '../support/builders.ts';

const pin = { dev: '1', ino: '2', sizeBytes: 100_000_000, mtimeNs: '3', ctimeNs: '4' };
const candidate: Candidate = {
  path: '/state/work/a/out.mp4',
  isSource: false,
  bytes: 49_000_000,
  expect: { durationS: 10, audioTracks: 1, subtitleTracks: 0, videoCodecs: ['h264'] },
  how: 'two passes',
  notes: ['data track dropped'],
};
const decision = {
  kind: 'do' as const,
  rule: 'default',
  engine: 'local' as const,
  fallback: 'none' as const,
  target: {
    size: { kind: 'bytes' as const, bytes: 50_000_000 },
    audio: { kind: 'keep' as const },
    quality: 'auto' as const,
    minSaving: 0.05,
  },
  output: 'clip.mp4',
  why: 'first match',
};
const reason = { code: 'io' as const, text: 'the disk coughed' };
const intent = { temp: '/out/.shrinkbox-a.part', target: '/out/clip.mp4', ino: '9', bytes: 49_000_000, sha256: 'x' };

const EVENTS: JobEvent[] = [
  { event: 'decided', data: { decision, sidecar: null } },
  { event: 'repinned', data: { path: '/in/b.mp4', relative: 'b.mp4', pin } },
  { event: 'queued', data: { because: 'restart' } },
  { event: 'started', data: { engine: 'local', step: 'preparing' } },
  { event: 'step', data: { engine: 'local', step: 'pass 1' } },
  { event: 'checkpoint', data: { key: 'audio', value: { bytes: 5 } } },
  { event: 'fact', data: { key: 'claim', value: 'https://example.invalid/clm_1' } },
  { event: 'doubted', data: { engine: 'nemo', step: 'message', reason } },
  { event: 'candidate', data: { candidate } },
  { event: 'rejected', data: { reason, keepCheckpoints: false } },
  { event: 'verified', data: { evidence: 'decoded 300 frames' } },
  { event: 'publishing', data: { intent } },
  { event: 'published', data: { delivery: { output: '/out/clip.mp4', bytes: 49_000_000 } } },
  { event: 'disposing', data: { to: '/archive/clip.mp4' } },
  { event: 'disposed', data: { kind: 'archived', to: '/archive/clip.mp4' } },
  { event: 'restored', data: { to: '/in/clip.mp4' } },
  { event: 'pruned', data: { path: '/archive/clip.mp4' } },
  { event: 'done', data: {} },
  { event: 'waiting', data: { until: 99, reason, strike: 'io' } },
  { event: 'held', data: { reason } },
  { event: 'failed', data: { reason } },
  { event: 'cancelled', data: { reason } },
  { event: 'skipped', data: { reason } },
  { event: 'reported', data: { path: '/out/clip.failed.txt' } },
];

function admitted(): Job {
  const job = apply(undefined, 'a', 1, {
    event: 'admitted',
    data: {
      arrival: 1,
      inbox: '/in',
      path: '/in/clip.mp4',
      relative: 'clip.mp4',
      pin,
      fingerprint: 'f',
      version: 1,
      decision,
    },
  });
  if (!job) throw new Error('admitted gives a job');
  return job;
}

function after(...names: JobEvent['event'][]): Job {
  let job = admitted();
  for (const name of names) {
    const event = EVENTS.find(candidateEvent => candidateEvent.event === name);
    if (!event) throw new Error(`no sample of ${name}`);
    job = apply(job, 'a', 2, event) ?? job;
  }
  return job;
}

describe('the way of a job', () => {
  it('leads from admitted to done with the delivery, the way and the evidence in its last state', () => {
    const job = after('started', 'step', 'checkpoint', 'candidate', 'verified', 'publishing', 'published', 'done');
    expect(job.state).toEqual({
      name: 'done',
      output: '/out/clip.mp4',
      outputIno: '9',
      outputBytes: 49_000_000,
      how: 'two passes',
      notes: ['data track dropped'],
      evidence: 'decoded 300 frames',
    });
    expect(job.checkpoints).toEqual({});
  });

  it('keeps the hash of a result of a library: `library verify` missed a byte that had changed', () => {
    const intent = { temp: '/out/.t', target: '/out/clip.mp4', ino: '9', bytes: 400_000, sha256: 'h' };
    const way = TO_DONE.flatMap((event): JobEvent[] =>
      event.event === 'published' ? [{ event: 'publishing', data: { intent } }, event] : [event],
    );
    expect(aJob({ library: true }, ...way).state).toMatchObject({ name: 'done', outputSha256: 'h' });
    expect(aJob({}, ...way).state).not.toHaveProperty('outputSha256');
  });

  it.each([
    ['verify before there is a candidate', ['started'], 'verified'],
    ['deliver what was not verified', ['started', 'candidate'], 'publishing'],
    ['be done before it is published', ['started', 'candidate', 'verified'], 'done'],
    ['produce a candidate without having started', [], 'candidate'],
    ['start while it waits', ['waiting'], 'started'],
    ['let go of the original before the result has its name', ['started', 'candidate', 'verified'], 'disposing'],
    ['have let go of it before', ['started', 'candidate', 'verified', 'publishing'], 'disposed'],
    ['be named twice', ['started', 'candidate', 'verified', 'publishing', 'published'], 'publishing'],
    ['be published twice', ['started', 'candidate', 'verified', 'publishing', 'published'], 'published'],
    ['be made again once it is published', ['started', 'candidate', 'verified', 'published'], 'rejected'],
    ['fail after it is done', ['started', 'candidate', 'verified', 'publishing', 'published', 'done'], 'failed'],
  ] as const)('cannot %s', (_what, before, last) => {
    expect(() => after(...before, last)).toThrow(IllegalEvent);
  });

  it('keeps checkpoints through waiting, restart and hold, and drops them when a candidate was bad', () => {
    expect(after('started', 'checkpoint', 'waiting', 'queued').checkpoints).toEqual({ audio: { bytes: 5 } });
    expect(after('started', 'checkpoint', 'held').checkpoints).toEqual({ audio: { bytes: 5 } });
    expect(after('started', 'checkpoint', 'candidate', 'rejected').checkpoints).toEqual({});
  });

  it('keeps checkpoints when a candidate only went missing, so that no paid step is asked for again', () => {
    const job = apply(after('started', 'checkpoint', 'candidate'), 'a', 3, {
      event: 'rejected',
      data: { reason, keepCheckpoints: true },
    });
    expect(job?.checkpoints).toEqual({ audio: { bytes: 5 } });
  });

  it('goes back to its finished candidate after waiting for an outbox, instead of encoding again', () => {
    expect(after('started', 'candidate', 'verified', 'waiting', 'queued').state.name).toBe('delivering');
    expect(after('started', 'candidate', 'waiting', 'queued').state.name).toBe('verifying');
    expect(after('started', 'candidate', 'verified', 'held', 'queued').state.name).toBe('delivering');
    const bad: JobEvent = { event: 'held', data: { reason: { code: 'verify-failed', text: 'half black' } } };
    expect(apply(after('started', 'candidate'), 'a', 3, bad)?.state).not.toHaveProperty('from');
  });

  it('counts strikes per code until a person asks for a fresh try', () => {
    const struck = after('started', 'waiting', 'queued', 'started', 'waiting');
    expect(struck.strikes).toEqual({ io: 2 });
    expect(struck.waits).toBe(2);
    const fresh = apply(struck, 'a', 3, { event: 'queued', data: { because: 'a person', fresh: true } });
    expect(fresh).toMatchObject({ waits: 0, state: { name: 'queued' } });
    expect(fresh?.strikes).toEqual({});
  });

  it('knows the cloud by the facts that 0.1.0 journaled, which stay readable', () => {
    const facts = {
      'nemo session': 's1',
      agent: 'Compressed.',
      'nemo task': 't1',
      'claim link': 'https://x.invalid/1',
    };
    let job = admitted();
    for (const [key, value] of [['nemo session', 's0'] as const, ...Object.entries(facts)]) {
      job = apply(job, 'a', 3, { event: 'fact', data: { key, value } }) ?? job;
    }
    expect(job.facts).toEqual(facts);
    expect(job.cloud).toEqual({ session: 's1', task: 't1', claimUrl: 'https://x.invalid/1' });
  });

  it('forgets a job only when it rests', () => {
    const forget: JobEvent = { event: 'forgotten', data: { by: 'a person' } };
    expect(() => apply(after('started'), 'a', 3, forget)).toThrow(IllegalEvent);
    expect(apply(after('failed'), 'a', 3, forget)).toBeUndefined();
  });

  it('keeps a bounded history with a sentence for each thing that happened', () => {
    let job = admitted();
    for (let n = 0; n < 100; n += 1) {
      job = apply(job, 'a', n, { event: 'waiting', data: { until: n, reason } }) ?? job;
      job = apply(job, 'a', n, { event: 'queued', data: { because: `turn ${n}` } }) ?? job;
    }
    expect(job.history).toHaveLength(HISTORY_LIMIT);
    expect(job.history.at(-1)).toEqual({ at: 99, event: 'queued', note: 'turn 99' });
  });
});

describe('any order of events', () => {
  it('is either legal and lands in a known state, or refused without changing the job', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), events => {
        let job = admitted();
        for (const event of events) {
          const frozen = JSON.stringify(job);
          const legal = allowedIn(event.event).includes(job.state.name);
          try {
            const next = apply(job, 'a', 5, event);
            expect(legal).toBe(true);
            if (next) job = next;
          } catch (error) {
            expect(error).toBeInstanceOf(IllegalEvent);
          }
          if (!legal) expect(JSON.stringify(job)).toBe(frozen);
          expect(STATE_NAMES).toContain(job.state.name);
        }
      }),
    );
  });

  it('gives the same job when every event and every job went through JSON on the way, as replay does', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), events => {
        let live: Job = admitted();
        let replayed: Job = JSON.parse(JSON.stringify(live));
        for (const event of events) {
          if (!allowedIn(event.event).includes(live.state.name)) continue;
          try {
            live = apply(live, 'a', 5, event) ?? live;
          } catch {
            continue;
          }
          replayed = apply(JSON.parse(JSON.stringify(replayed)), 'a', 5, JSON.parse(JSON.stringify(event))) ?? replayed;
        }
        expect(JSON.parse(JSON.stringify(replayed))).toEqual(JSON.parse(JSON.stringify(live)));
      }),
    );
  });
});
