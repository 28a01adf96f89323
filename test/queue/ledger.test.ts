import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/core/job.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { IllegalEvent } from '../../src/core/lifecycle.ts';
import { UnfitRecord } from '../../src/queue/journal-schema.ts';
import { Ledger, type LedgerChange } from '../../src/queue/ledger.ts';
import { aCandidate, aDecision, aPin, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

function admitted(relative: string, fingerprint = relative): JobEvent {
  return {
    event: 'admitted',
    data: {
      arrival: 1,
      inbox: '/in',
      path: `/in/${relative}`,
      relative,
      pin: aPin(),
      fingerprint,
      version: 1,
      decision: aDecision(),
    },
  };
}

function setup() {
  const journal = new MemoryJournal();
  const ledger = new Ledger(journal, new FakeClock());
  return { journal, ledger };
}

function replayed(journal: MemoryJournal): Ledger {
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  for (const record of journal.records()) ledger.replay(record);
  return ledger;
}

describe('the ledger', () => {
  it('says in each record of a film of a library that an older version cannot read it', async () => {
    const { journal, ledger } = setup();
    const { data } = admitted('film.mkv') as Extract<JobEvent, { event: 'admitted' }>;
    await ledger.commit('film', { event: 'admitted', data: { ...data, library: true } });
    await ledger.commit('clip', admitted('clip.mp4'));
    const versions = journal.lines.map(line => (JSON.parse(line) as { v?: number }).v ?? 1);
    expect(versions).toEqual([2, 1]);
    expect([...ledger.snapshot()].map(({ v = 1 }) => v)).toEqual([2, 1]);
  });

  it('is the same after replay: jobs, places, contents, counts, totals, pause', async () => {
    const { journal, ledger } = setup();
    await ledger.commit('a', admitted('a.mp4'), ...TO_DONE);
    await ledger.commit('b', admitted('b.mp4', 'twin'));
    await ledger.commit('c', admitted('c.mp4', 'twin'), { event: 'failed', data: { reason: REASON } });
    await ledger.commit('c', { event: 'forgotten', data: { by: 'a person' } });
    await ledger.commit('b', {
      event: 'repinned',
      data: { path: '/in/d.mp4', relative: 'd.mp4', pin: aPin({ ino: '12' }) },
    });
    await ledger.setPaused(true);
    const again = replayed(journal);
    expect([...again.all()]).toEqual(JSON.parse(JSON.stringify([...ledger.all()])));
    expect(again.counts()).toEqual(ledger.counts());
    expect(again.totals()).toEqual({ done: 1, sourceBytes: 1_000_000, outputBytes: 400_000 });
    expect(again.paused).toBe(true);
    expect(again.atPlace('/in', 'b.mp4')).toEqual([]);
    expect(again.atPlace('/in', 'd.mp4').map(job => job.id)).toEqual(['b']);
    expect(again.withContent('twin').map(job => job.id)).toEqual(['b']);
  });

  it('keeps a number that is none out of the journal, which no start could read again', async () => {
    const { journal, ledger } = setup();
    await ledger.commit('a', admitted('a.mp4'), { event: 'started', data: { engine: 'local', step: 'preparing' } });
    const candidate = aCandidate({ bytes: Number.NaN });
    await expect(ledger.commit('a', { event: 'candidate', data: { candidate } })).rejects.toThrow(UnfitRecord);
    expect(ledger.expect('a').state.name).toBe('running');
    expect(journal.eventsOf('a')).toEqual(['admitted', 'started']);
    const unknownLength = aCandidate({ expect: { ...aCandidate().expect, durationS: Number.NaN } });
    await ledger.commit('a', { event: 'candidate', data: { candidate: unknownLength } });
    expect(replayed(journal).expect('a').state.name).toBe('verifying');
  });

  it('keeps the order of the queue, places and pauses through a restart, in records an older shrinkbox knows to be newer', async () => {
    const { journal, ledger } = setup();
    await ledger.commit('a', admitted('a.mp4'));
    await ledger.commit('a', { event: 'placed', data: { place: { line: 'first', rank: 0 } } });
    await ledger.commit('a', { event: 'paused', data: { by: 'a person' } });
    await ledger.setOrder('largest-saving');
    const copy = new Ledger(new MemoryJournal(), new FakeClock());
    for (const record of ledger.snapshot()) copy.replay({ at: 0, ...JSON.parse(JSON.stringify(record)) });
    for (const again of [replayed(journal), copy]) {
      expect(again.order).toBe('largest-saving');
      expect(again.expect('a')).toMatchObject({ paused: true, place: { line: 'first', rank: 0 } });
    }
    expect(journal.lines.map(line => JSON.parse(line)).map(({ event, v = 1 }) => `${event} ${v}`)).toEqual([
      ...['admitted 1', 'placed 2', 'paused 2', 'ordered 2'],
    ]);
    expect(() => copy.replay({ at: 0, job: null, event: 'ordered', data: { order: 'size' } })).toThrow(UnfitRecord);
  });

  it('keeps what a cancelled job had reached through a restart; a record of an older shrinkbox still drops it', async () => {
    for (const until of [undefined, 99]) {
      const { journal, ledger } = setup();
      await ledger.commit('a', admitted('a.mp4'), ...TO_DONE.slice(0, 1));
      await ledger.commit('a', { event: 'checkpoint', data: { key: 'pass1', value: 1 } });
      await ledger.commit('a', { event: 'cancelled', data: { reason: REASON, until } });
      expect(replayed(journal).expect('a').checkpoints).toEqual(until === undefined ? {} : { pass1: 1 });
      expect(JSON.parse(journal.lines.at(-1) ?? '').v).toBe(until === undefined ? undefined : 2);
    }
  });

  it('is the same after replaying its snapshot', async () => {
    const { ledger } = setup();
    await ledger.commit('a', admitted('a.mp4'), ...TO_DONE);
    await ledger.commit('b', admitted('b.mp4'));
    await ledger.setPaused(true);
    const copy = new Ledger(new MemoryJournal(), new FakeClock());
    for (const record of ledger.snapshot()) copy.replay({ at: 0, ...JSON.parse(JSON.stringify(record)) });
    expect([...copy.all()]).toEqual(JSON.parse(JSON.stringify([...ledger.all()])));
    expect(copy.counts()).toEqual(ledger.counts());
    expect(copy.paused).toBe(true);
  });

  it('knows the files of a session of the cloud, also after a restart and from a journal that does not name them', async () => {
    const { journal, ledger } = setup();
    const fact = (key: string, value: string): JobEvent => ({ event: 'fact', data: { key, value } });
    await ledger.commit('a', admitted('a.mp4'), fact('nemo session', 's1'), fact('nemo file', 'a-2.mp4'));
    await ledger.commit('a2', admitted('a.mp4'), fact('nemo session', 's1'), fact('nemo file', 'a-2.mp4'));
    await ledger.commit('b', admitted('b.mp4'), fact('nemo session', 's1'));
    await ledger.commit('c', admitted('c.mp4'), fact('nemo session', 's2'));
    for (const known of [ledger, replayed(journal)]) {
      expect(known.neighbours('s1', known.expect('a2'))).toEqual([{ job: 'b', file: 'b.mp4' }]);
      expect(known.neighbours('s1', known.expect('b'))).toEqual([
        { job: 'a', file: 'a-2.mp4' },
        { job: 'a2', file: 'a-2.mp4' },
      ]);
      expect(known.neighbours('s2', known.expect('c'))).toEqual([]);
    }
  });

  it('finds what the cloud has of a job among the facts of a snapshot of 0.1.0', async () => {
    const { ledger } = setup();
    await ledger.commit('a', admitted('a.mp4'), { event: 'fact', data: { key: 'nemo session', value: 's1' } });
    const [data] = [...ledger.snapshot()].map(record => record.data as Job);
    if (!data) throw new Error('a ledger with a job has a snapshot');
    const { cloud, ...old } = data;
    expect(cloud).toEqual({ session: 's1' });
    const copy = new Ledger(new MemoryJournal(), new FakeClock());
    copy.replay({ at: 0, job: 'a', event: 'snapshot', data: old });
    expect(copy.get('a')?.cloud).toEqual({ session: 's1' });
  });

  it('writes nothing when one of several events is illegal', async () => {
    const { journal, ledger } = setup();
    await ledger.commit('a', admitted('a.mp4'));
    const written = journal.lines.length;
    const illegal: JobEvent[] = [
      { event: 'held', data: { reason: REASON } },
      { event: 'verified', data: { evidence: '' } },
    ];
    await expect(ledger.commit('a', ...illegal)).rejects.toThrow(IllegalEvent);
    expect(journal.lines).toHaveLength(written);
    expect(ledger.get('a')?.state.name).toBe('queued');
  });

  it('announces a change only once it is durable', async () => {
    let durable: () => void = () => {};
    const ledger = new Ledger({ append: () => new Promise<void>(resolve => (durable = resolve)) }, new FakeClock());
    const changes: LedgerChange[] = [];
    ledger.subscribe(change => changes.push(change));
    const committed = ledger.commit('a', admitted('a.mp4'));
    expect(ledger.get('a')?.state.name).toBe('queued');
    expect(changes).toEqual([]);
    durable();
    await committed;
    expect(changes).toHaveLength(1);
  });

  it('gives out unused ids and arrivals that continue after a replay', async () => {
    const { journal, ledger } = setup();
    const ids = new Set(Array.from({ length: 2000 }, () => ledger.newId()));
    expect(ids.size).toBe(2000);
    await ledger.commit('a', {
      ...admitted('a.mp4'),
      data: { ...admitted('a.mp4').data, arrival: ledger.nextArrival() + 6 },
    } as JobEvent);
    expect(replayed(journal).nextArrival()).toBe(8);
  });

  it('refuses a record of an unknown kind instead of dropping it', () => {
    const { ledger } = setup();
    expect(() => ledger.replay({ at: 1, job: null, event: 'frobnicated', data: {} })).toThrow(/frobnicated/);
  });
});
