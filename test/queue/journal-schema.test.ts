import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
import { parseEvent, parseJob, UnfitRecord } from '../../src/queue/journal-schema.ts';
import { Ledger, replayInto } from '../../src/queue/ledger.ts';
import { aCandidate, aDecision, aJob, aPin, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const ADMITTED = {
  ...{ arrival: 1, inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4', fingerprint: 'f', version: 1 },
  pin: aPin(),
  decision: aDecision(),
};
const CANDIDATE = aCandidate();

/** What is wrong with a value, or `fits`. */
function verdict(parse: () => unknown): string {
  try {
    parse();
    return 'fits';
  } catch (error) {
    if (error instanceof UnfitRecord) return error.message;
    throw error;
  }
}

describe('the data of an event', () => {
  it('is kept as it is, with keys this version does not know', () => {
    const data = { ...ADMITTED, colour: 'green', pin: { ...aPin(), inodeGeneration: 7 } };
    expect(parseEvent('admitted', data)).toEqual({ event: 'admitted', data });
  });

  it.each<[string, unknown, string]>([
    ['admitted', { ...ADMITTED, pin: { ...aPin(), ino: 12 } }, 'data.pin.ino is not a string'],
    ['admitted', { ...ADMITTED, pin: undefined }, 'data.pin is missing'],
    [
      'admitted',
      { ...ADMITTED, decision: { ...aDecision(), kind: 'maybe' } },
      'data.decision.kind is not one of do, hold',
    ],
    [
      'admitted',
      { ...ADMITTED, decision: aDecision({ engine: 'moon' as never }) },
      'decision.engine is not one of local',
    ],
    ['started', { engine: 'local' }, 'data.step is missing'],
    ['checkpoint', { key: 'facts' }, 'data.value is missing'],
    ['candidate', { candidate: { ...CANDIDATE, notes: ['a', 3] } }, 'data.candidate.notes[1] is not a string'],
    ['candidate', { candidate: { ...CANDIDATE, expect: [] } }, 'data.candidate.expect is not an object'],
    ['rejected', { reason: REASON }, 'data.keepCheckpoints is missing'],
    ['waiting', { until: 'tomorrow', reason: REASON }, 'data.until is not a number'],
    ['disposed', { kind: 'burnt', to: '/x' }, 'data.kind is not one of archived, deleted'],
    ['held', 'no object', 'data is not an object'],
    ['held', null, 'data is not an object'],
    ['exploded', {}, 'does not know the event "exploded"'],
    ['toString', {}, 'does not know the event "toString"'],
  ])('%s is refused where it does not fit: %#', (event, data, wrong) => {
    expect(verdict(() => parseEvent(event, data))).toContain(wrong);
  });

  it.each<[string, unknown]>([
    ['decided', { decision: aDecision(), sidecar: null }],
    ['reported', { path: null }],
    ['checkpoint', { key: 'left', value: null }],
    ['candidate', { candidate: { ...CANDIDATE, expect: { ...CANDIDATE.expect, durationS: null } } }],
    ['queued', { because: 'a person asked' }],
  ])('%s may have null, or nothing, where a key is optional: %#', (event, data) => {
    expect(verdict(() => parseEvent(event, data))).toBe('fits');
  });
});

describe('the job of a snapshot', () => {
  const jobs = {
    queued: aJob(),
    done: aJob({}, ...TO_DONE),
    'waiting with a candidate': aJob({}, ...TO_DONE.slice(0, 3), {
      event: 'waiting',
      data: { until: 9, reason: REASON, strike: 'io' },
    }),
  };

  it.each(Object.entries(jobs))('fits as it was written: %s', (_state, job) => {
    const data = JSON.parse(JSON.stringify(job));
    expect(parseJob(data)).toBe(data);
  });

  it.each<[string, object]>([
    ['data.state.name is not one of queued, waiting', { state: { name: 'asleep' } }],
    ['data.state.output is missing', { state: { name: 'done' } }],
    ['data.strikes.io is not a number', { strikes: { io: 'often' } }],
    ['data.history is not a list', { history: {} }],
    ['data.original.path is missing', { original: { kind: 'archived', at: 1 } }],
    ['data.retried is missing', { retried: undefined }],
  ])('is refused where it does not fit: %s', (wrong, changes) => {
    expect(verdict(() => parseJob({ ...aJob(), ...changes }))).toContain(wrong);
  });
});

it('a record that does not fit ends the start as damaged, naming file and line', () => {
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  const record = { at: 1, job: 'a', event: 'admitted', data: { ...ADMITTED, version: 'two' } };
  const replaying = () => replayInto(ledger, record, { file: '000001.jsonl', line: 7 });
  expect(replaying).toThrow(ShrinkError);
  expect(replaying).toThrow(/^000001\.jsonl:7: the data of "admitted" does not fit: data\.version is not a number$/);
  expect(ledger.size).toBe(0);
});

it('every record that 0.1.0 wrote fits', () => {
  const dir = join(import.meta.dirname, '../fixtures/0.1.0/journals');
  const lines = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => readFileSync(join(dir, name), 'utf8').split('\n'))
    .filter(line => line.startsWith('{') && line.endsWith('}'));
  const records = lines.map(line => JSON.parse(line) as { job: string | null; event: string; data: unknown });
  const ofJobs = records.filter(({ job }) => job !== null);
  expect(ofJobs.length).toBeGreaterThan(100);
  for (const { event, data } of ofJobs) {
    expect(verdict(() => (event === 'snapshot' ? parseJob(data) : parseEvent(event, data)))).toBe('fits');
  }
});
