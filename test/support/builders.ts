import type { Candidate, Job, Pin, Sighting, WorkDecision } from '../../src/core/job.ts';
import { apply } from '../../src/core/lifecycle.ts';
import type { JobEvent } from '../../src/core/events.ts';

/** Plain values for unit tests; each takes what matters to the test and fills in the rest. */
export function aPin(overrides: Partial<Pin> = {}): Pin {
  return { dev: '1', ino: '10', sizeBytes: 1_000_000, mtimeNs: '100', ctimeNs: '100', ...overrides };
}

export function aDecision(overrides: Partial<WorkDecision> = {}): WorkDecision {
  return {
    kind: 'do',
    rule: 'default',
    engine: 'local',
    fallback: 'none',
    target: { size: { kind: 'bytes', bytes: 500_000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 },
    output: 'clip.mp4',
    why: 'the first rule matches',
    ...overrides,
  };
}

export function aSighting(overrides: Partial<Sighting> = {}): Sighting {
  return { inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4', pin: aPin(), ...overrides };
}

export function aCandidate(overrides: Partial<Candidate> = {}): Candidate {
  return {
    path: '/jobs/a/result.mp4',
    isSource: false,
    bytes: 400_000,
    expect: { durationS: 10, audioTracks: 1, subtitleTracks: 0, videoCodecs: ['h264'], maxBytes: 500_000 },
    how: 'two passes',
    notes: [],
    ...overrides,
  };
}

/** A job that was admitted and to which `events` then happened. */
export function aJob(overrides: Partial<Omit<Job, 'state'>> = {}, ...events: JobEvent[]): Job {
  const {
    id = 'aaaa',
    arrival = 1,
    inbox = '/in',
    path = '/in/clip.mp4',
    relative = 'clip.mp4',
    version = 1,
    sidecar,
  } = overrides;
  const { pin = aPin(), fingerprint = 'content-1', contentHash, decision = aDecision() } = overrides;
  const admitted: JobEvent = {
    event: 'admitted',
    data: {
      ...{ arrival, inbox, path, relative, pin, fingerprint, version, decision },
      ...(contentHash === undefined ? {} : { contentHash }),
      ...(sidecar ? { sidecar } : {}),
      ...(overrides.library ? { library: true } : {}),
    },
  };
  let job = apply(undefined, id, 1, admitted);
  for (const event of events) job = apply(job, id, 2, event);
  if (!job) throw new Error('the events of aJob must leave a job');
  return { ...job, ...(overrides.original ? { original: overrides.original } : {}) };
}

export const REASON = { code: 'io' as const, text: 'the disk coughed' };

export const TO_DONE: readonly JobEvent[] = [
  { event: 'started', data: { engine: 'local', step: 'preparing' } },
  { event: 'candidate', data: { candidate: aCandidate() } },
  { event: 'verified', data: { evidence: 'decoded' } },
  { event: 'published', data: { delivery: { output: '/out/clip.mp4', bytes: 400_000 } } },
  { event: 'done', data: {} },
];
