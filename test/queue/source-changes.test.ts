import { describe, expect, it } from 'vitest';
import { ShrinkError } from '../../src/core/errors.ts';
import type { Admitted, JobEvent } from '../../src/core/events.ts';
import type { Pin, Sighting } from '../../src/core/job.ts';
import { silentLogger } from '../../src/platform/log.ts';
import type { Whereabouts } from '../../src/queue/admission-policy.ts';
import { Admissions } from '../../src/queue/admissions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { JobWorker } from '../../src/queue/worker.ts';
import { aCandidate, aDecision, aPin, aSighting, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine, FakeStages, fails } from '../support/fake-stages.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

/** A film too large for its fingerprint to cover every byte. */
const FILM = aPin({ sizeBytes: 20_000_000 });
const touchedAt = (seconds: number) =>
  aPin({ ...FILM, mtimeNs: `${seconds}000000000`, ctimeNs: `${seconds}000000001` });
const WHOLE = 'whole-1';
const hashed: JobEvent = {
  event: 'repinned',
  data: { path: '/in/clip.mp4', relative: 'clip.mp4', pin: FILM, contentHash: WHOLE },
};
const [started, ...afterStart] = TO_DONE as [JobEvent, ...JobEvent[]];

function admitted(data: Partial<Admitted> = {}): JobEvent {
  const file = { inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4', pin: FILM, fingerprint: 'samples' };
  return { event: 'admitted', data: { arrival: 1, ...file, version: 1, decision: aDecision(), ...data } };
}

/** A disk whose files hold what the test says, with a ledger of real jobs. */
async function setup(...events: JobEvent[]) {
  const clock = new FakeClock();
  const journal = new MemoryJournal();
  const ledger = new Ledger(journal, clock);
  if (events.length > 0) await ledger.commit('a', admitted(), ...events);
  const disk = {
    fingerprint: async (): Promise<string> => 'samples',
    contentHash: WHOLE,
    pin: undefined as Pin | undefined,
    whereabouts: 'there' as Whereabouts,
    reads: 0,
    readMs: 0,
  };
  const changed: string[] = [];
  const fatal: unknown[] = [];
  let latest: Sighting | undefined;
  const admissions = new Admissions({
    ...{ ledger, clock, log: silentLogger },
    decide: () => aDecision(),
    fingerprint: () => disk.fingerprint(),
    async readWhole({ path }, signal) {
      disk.reads += 1;
      await clock.advance(disk.readMs);
      if (signal.aborted) throw new ShrinkError('cancelled', 'stopped', { subject: path });
      return { contentHash: disk.contentHash, pin: disk.pin ?? latest?.pin ?? FILM };
    },
    whereabouts: async () => disk.whereabouts,
    lookAt: () => 'file',
    abort: () => false,
    resight: () => {},
    changed: async ({ id }) => void changed.push(id),
    onFatal: error => void fatal.push(error),
  });
  const offer = async (sighting: Partial<Sighting> = {}) => {
    latest = aSighting({ pin: FILM, ...sighting });
    admissions.offer(latest);
    while (!admissions.idle) await new Promise(resolve => setImmediate(resolve));
    expect(fatal).toEqual([]);
  };
  return { clock, journal, ledger, admissions, disk, changed, offer };
}

describe('a large film whose date changes and nothing else', () => {
  // Was: a second job after a touch, a sync or the end of summer time on FAT, and all work thrown away while it ran.
  it('is read once, and gets no second job after delivery', async () => {
    const { ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    await offer({ pin: touchedAt(9) });
    expect(disk.reads).toBe(1);
    expect([...ledger.all()].map(({ id, pin }) => [id, pin])).toEqual([['a', touchedAt(9)]]);
    await offer({ pin: touchedAt(9) });
    expect(disk.reads).toBe(1);
  });

  it('gets a job of its own once a byte between the samples is another one', async () => {
    const { ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    disk.contentHash = 'whole-2';
    await offer({ pin: touchedAt(9) });
    expect([...ledger.all()].map(({ state }) => state.name)).toEqual(['done', 'queued']);
  });

  it('is judged by its next sighting where it was written to while it was read', async () => {
    const { ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    disk.contentHash = 'half of this, half of that';
    disk.pin = touchedAt(10);
    await offer({ pin: touchedAt(9) });
    expect([...ledger.all()].map(({ state }) => state.name)).toEqual(['done']);
  });

  it('every minute is not read every minute: after a day eleven times, then once a day', async () => {
    const { clock, ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      await offer({ pin: touchedAt(1000 + 60 * minute) });
      await clock.advance(60_000);
    }
    expect(disk.reads).toBe(11);
    for (let minute = 0; minute < 3 * 24 * 60; minute += 1) {
      await offer({ pin: touchedAt(100_000 + 60 * minute) });
      await clock.advance(60_000);
    }
    expect(disk.reads).toBe(14);
    expect(ledger.size).toBe(1);
  });

  it('twice a year is read twice a year', async () => {
    const { clock, disk, offer } = await setup(started, hashed, ...afterStart);
    for (const [year, reads] of [1, 2, 3, 4].entries()) {
      await offer({ pin: touchedAt(1000 + year) });
      expect(disk.reads).toBe(reads);
      await clock.advance(182 * 24 * 3600_000);
    }
  });

  it('again within the minute is compared when the pause is over, and says so meanwhile', async () => {
    const { clock, ledger, admissions, disk, offer } = await setup(started, hashed, ...afterStart);
    await offer({ pin: touchedAt(9) });
    await offer({ pin: touchedAt(10) });
    expect(disk.reads).toBe(1);
    expect(admissions.pending('/in')).toEqual([
      { path: '/in/clip.mp4', why: expect.objectContaining({ text: expect.stringMatching(/its date changed again/) }) },
    ]);
    await clock.advance(60_000);
    await expect.poll(() => ledger.expect('a').pin).toEqual(touchedAt(10));
    expect(admissions.pending()).toEqual([]);
  });

  it('stopping ends the reading', async () => {
    const { admissions, ledger, disk } = await setup(started, hashed, ...afterStart);
    admissions.offer(aSighting({ pin: touchedAt(9) }));
    await expect.poll(() => disk.reads).toBe(1);
    await admissions.stop();
    expect(ledger.size).toBe(1);
  });
});

describe('a running job', () => {
  function work(stages: FakeStages, ledger: Ledger, clock: FakeClock) {
    const options = { ledger, stages, clock, log: silentLogger, afterRest: async () => {} };
    return new JobWorker(options).run('a', new AbortController().signal, () => {});
  }

  it('keeps the hash of a large source before anything is made of it', async () => {
    const { ledger, clock, journal } = await setup({ event: 'fact', data: { key: 'k', value: 'v' } });
    const stages = new FakeStages();
    const engine = new FakeEngine('local', async () => {
      stages.done.push('engine');
      return aCandidate();
    });
    stages.engines = { local: engine };
    await work(stages, ledger, clock);
    expect(stages.done.slice(0, 2)).toEqual(['read whole', 'engine']);
    expect(ledger.expect('a')).toMatchObject({ state: { name: 'done' }, contentHash: WHOLE });
    const replayed = new Ledger(new MemoryJournal(), clock);
    for (const record of journal.records()) replayed.replay(record);
    expect(replayed.expect('a').contentHash).toBe(WHOLE);
  });

  // Was: `touch` in the last minute of an encode of hours threw it away.
  it.each([
    ['touched', (pin: Pin) => ({ ...pin, mtimeNs: '9000000000', ctimeNs: '9000000000' })],
    ['renumbered by mergerfs after a remount', (pin: Pin) => ({ ...pin, ino: '77', ctimeNs: '9000000000' })],
  ])('goes on where its source is only %s', async (_how, change) => {
    const { ledger, clock } = await setup({ event: 'fact', data: { key: 'k', value: 'v' } });
    const stages = new FakeStages();
    stages.engines = {
      local: new FakeEngine('local', async () => {
        stages.sourceNow = () => change(FILM);
        return aCandidate();
      }),
    };
    let disposedWith: Pin | undefined;
    stages.dispose = async job => {
      disposedWith = job.pin;
      return { kind: 'deleted', to: job.path };
    };
    await work(stages, ledger, clock);
    expect(ledger.expect('a')).toMatchObject({ state: { name: 'done' }, pin: change(FILM) });
    expect(disposedWith).toEqual(change(FILM));
  });

  it('whose source is of terabytes that were never written does not keep its slot for hours of reading', async () => {
    const { ledger, clock } = await setup({ event: 'fact', data: { key: 'k', value: 'v' } });
    const stages = new FakeStages();
    stages.blocks = () => 344;
    await work(stages, ledger, clock);
    expect(stages.done).not.toContain('read whole');
    expect(ledger.expect('a').state.name).toBe('done');
  });

  it('whose large source cannot be read waits for the disk before anything is made', async () => {
    const { ledger, clock } = await setup({ event: 'fact', data: { key: 'k', value: 'v' } });
    const stages = new FakeStages();
    const engine = new FakeEngine();
    stages.engines = { local: engine };
    stages.readWhole = async () => fails('io', 'reading /in/clip.mp4: i/o error (EIO)');
    await work(stages, ledger, clock);
    expect(ledger.expect('a').state).toMatchObject({ name: 'waiting', reason: { code: 'io' } });
    expect(engine.runs).toBe(0);
  });

  it('ends where its source was edited in place', async () => {
    const { ledger, clock } = await setup({ event: 'fact', data: { key: 'k', value: 'v' } });
    const stages = new FakeStages();
    stages.engines = {
      local: new FakeEngine('local', async () => {
        stages.sourceNow = () => touchedAt(9);
        stages.contentNow = 'whole-2';
        return aCandidate();
      }),
    };
    await work(stages, ledger, clock);
    expect(ledger.expect('a').state).toMatchObject({ name: 'cancelled', reason: { code: 'replaced' } });
  });

  it('does not have an original put away that was edited after delivery', async () => {
    const { ledger, clock } = await setup({ event: 'fact', data: { key: 'k', value: 'v' } });
    const stages = new FakeStages();
    const { deliver } = stages;
    stages.deliver = async (...given) => {
      const delivery = await deliver(...given);
      stages.sourceNow = () => touchedAt(9);
      stages.contentNow = 'whole-2';
      return delivery;
    };
    let disposedWith: Pin | undefined;
    stages.dispose = async job => {
      disposedWith = job.pin;
      return fails('changed-underneath');
    };
    await work(stages, ledger, clock);
    expect(disposedWith).toEqual(FILM);
    expect(ledger.expect('a').state).toMatchObject({ name: 'done', notes: [expect.stringMatching(/original stays/)] });
  });
});

describe('a disk that fails while a file is read for the first time', () => {
  // Was: the file was never looked at again until it changed or shrinkbox was restarted.
  it('delays the file, which says why', async () => {
    const { clock, ledger, admissions, disk, offer } = await setup();
    disk.fingerprint = async () => fails('io', 'reading /in/clip.mp4: i/o error (EIO)');
    await offer();
    expect(ledger.size).toBe(0);
    expect(admissions.pending('/in').map(({ why }) => why.text)).toEqual([
      'reading /in/clip.mp4: i/o error (EIO); it is tried again by itself',
    ]);
    expect(admissions.pending('/other')).toEqual([]);
    await clock.advance(60_000);
    await expect.poll(() => admissions.idle).toBe(true);
    disk.fingerprint = async () => 'samples';
    await clock.advance(60_000);
    expect(ledger.size).toBe(0);
    await clock.advance(60_000);
    await expect.poll(() => ledger.size).toBe(1);
    expect(admissions.pending()).toEqual([]);
  });
});

describe('an inbox that moved', () => {
  const moved = (more: Partial<Sighting> = {}): Partial<Sighting> => ({
    ...{ inbox: '/new', path: '/new/clip.mp4' },
    pin: aPin({ ...FILM, dev: '2', ino: '99', ctimeNs: '900' }),
    ...more,
  });
  const words = { path: '/new/clip.mp4.txt', text: 'to 20 MB' };

  // Was: everything was done again, and paid again in the cloud, because a drive was plugged in elsewhere.
  it('takes its records along', async () => {
    const { ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    disk.whereabouts = 'inbox-removed';
    await offer(moved());
    const { state, inbox, path, history } = ledger.expect('a');
    expect([state.name, inbox, path, ledger.size]).toEqual(['done', '/new', '/new/clip.mp4', 1]);
    expect(history.at(-1)?.note).toBe('its inbox moved; the file is now /new/clip.mp4');
  });

  it('takes them along after a restart in the middle, and back again', async () => {
    const first = await setup(started, hashed, ...afterStart);
    first.disk.whereabouts = 'inbox-removed';
    await first.offer(moved());
    const second = await setup();
    for (const record of first.journal.records()) second.ledger.replay(record);
    second.disk.whereabouts = 'inbox-away';
    await second.offer(moved());
    await second.offer({ pin: aPin({ ...FILM, ino: '5', ctimeNs: '950' }) });
    expect([...second.ledger.all()].map(({ id, inbox }) => [id, inbox])).toEqual([['a', '/in']]);
  });

  it('continues a job that was held because its folder was gone from the configuration', async () => {
    const text = { code: 'app.folder-removed', params: { inbox: '/in' } };
    const held: JobEvent = { event: 'held', data: { reason: { ...REASON, code: 'denied', messages: { text } } } };
    const { ledger, disk, changed, offer } = await setup(held);
    disk.whereabouts = 'inbox-removed';
    await offer(moved());
    expect(ledger.expect('a')).toMatchObject({ state: { name: 'queued' }, inbox: '/new' });
    expect(changed).toEqual(['a']);
  });

  it('leaves a job held that waits for a person', async () => {
    const { ledger, disk, offer } = await setup({ event: 'held', data: { reason: REASON } });
    disk.whereabouts = 'inbox-removed';
    await offer(moved());
    expect(ledger.expect('a')).toMatchObject({ state: { name: 'held' }, inbox: '/new' });
  });

  it('with new words beside a file asks for another version of it, no first one', async () => {
    const { ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    disk.whereabouts = 'inbox-removed';
    await offer(moved({ sidecar: words }));
    expect(ledger.atPlace('/new', 'clip.mp4').map(({ version, sidecar }) => [version, sidecar?.text])).toEqual([
      [1, undefined],
      [2, 'to 20 MB'],
    ]);
  });

  it('with the same words beside a file asks for nothing', async () => {
    const { ledger, disk, offer } = await setup();
    await ledger.commit('a', admitted({ sidecar: { ...words, path: '/in/clip.mp4.txt' } }), ...TO_DONE);
    disk.whereabouts = 'inbox-removed';
    await offer(moved({ sidecar: words }));
    expect([...ledger.all()].map(({ id, inbox }) => [id, inbox])).toEqual([['a', '/new']]);
  });

  it.each<Whereabouts>(['there', 'moved'])('is not one that is there still: two jobs (the file is %s)', async where => {
    const { ledger, disk, offer } = await setup(started, hashed, ...afterStart);
    disk.whereabouts = where;
    await offer(moved());
    expect([...ledger.all()].map(({ inbox }) => inbox)).toEqual(['/in', '/new']);
  });
});
