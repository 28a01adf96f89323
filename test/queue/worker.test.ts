import { describe, expect, it } from 'vitest';
import { type ErrorCode, ShrinkError } from '../../src/core/errors.ts';
import { type Decision, type Job, type Progress, shownProgress } from '../../src/core/job.ts';
import { reasonOf } from '../../src/core/lifecycle.ts';
import type { JobEvent } from '../../src/core/events.ts';
import type { StopReason } from '../../src/engine/engine.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { AfterRest } from '../../src/queue/after-rest.ts';
import { JobWorker } from '../../src/queue/worker.ts';
import { aCandidate, aDecision, aPin } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine, FakeStages, fails } from '../support/fake-stages.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

function setup(decision: Decision = aDecision(), ...events: JobEvent[]) {
  return setupWith(new MemoryJournal(), decision, ...events);
}

async function setupWith(journal: MemoryJournal, decision: Decision, ...events: JobEvent[]) {
  const clock = new FakeClock();
  const ledger = new Ledger(journal, clock);
  const stages = new FakeStages();
  const afterRest = new AfterRest({ ledger, stages: stages, clock, log: silentLogger });
  const worker = new JobWorker({
    ledger,
    stages: stages,
    afterRest: id => afterRest.cleanUp(id),
    clock,
    log: silentLogger,
  });
  const data = {
    arrival: 1,
    inbox: '/in',
    path: '/in/clip.mp4',
    relative: 'clip.mp4',
    pin: aPin(),
    fingerprint: 'f',
    version: 1,
    decision,
  };
  await ledger.commit('a', { event: 'admitted', data }, ...events);
  const abort = new AbortController();
  const run = (id = 'a') => worker.run(id, abort.signal, () => {});
  const job = (): Job => ledger.expect('a');
  return { clock, journal, ledger, stages, run, job, stop: (reason: StopReason) => abort.abort(reason) };
}

const started: JobEvent = { event: 'started', data: { engine: 'local', step: 'preparing' } };
const candidate: JobEvent = { event: 'candidate', data: { candidate: aCandidate() } };
const verified: JobEvent = { event: 'verified', data: { evidence: 'decoded' } };
const intent = { temp: '/out/.t', target: '/out/clip.mp4', ino: '1', bytes: 400_000, sha256: 'x' };
const publishing: JobEvent = { event: 'publishing', data: { intent } };
const published: JobEvent = { event: 'published', data: { delivery: { output: '/out/clip.mp4', bytes: 400_000 } } };

/** Takes its time, as a disk does; tells when what it was given is safe. */
class SlowJournal extends MemoryJournal {
  readonly #order: string[];

  constructor(order: string[]) {
    super();
    this.#order = order;
  }

  override async append(entries: Parameters<MemoryJournal['append']>[0]): Promise<void> {
    await super.append(entries);
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
    this.#order.push(`${entries.map(({ event }) => event).join(' ')} is durable`);
  }
}

describe('a job on its way', () => {
  it('goes through every stage and leaves its trace in the journal', async () => {
    const { run, job, journal, stages } = await setup();
    expect(await run()).toEqual({ kind: 'rested' });
    expect(job().state).toMatchObject({ name: 'done', output: '/out/clip.mp4', evidence: 'decoded' });
    expect(journal.eventsOf('a')).toEqual([
      'admitted',
      'started',
      'candidate',
      'verified',
      'publishing',
      'published',
      'done',
    ]);
    expect(stages.done).toEqual(['release', 'verify', 'publish', 'removed work of a']);
  });

  it('journals what the engine records, its steps and facts, and hands recorded values back on the next run', async () => {
    const { run, job, stages, journal, ledger } = await setup();
    const engine = new FakeEngine('local', async (context, n) => {
      if (n === 2) {
        expect(context.resume).toEqual({ audio: { bytes: 7 } });
        return aCandidate();
      }
      await context.step('audio');
      await context.step('audio');
      await context.record('audio', { bytes: 7 });
      await context.fact('claim', 'clm');
      return fails('no-space');
    });
    stages.engines = { local: engine };
    await run();
    expect(job().state.name).toBe('waiting');
    expect(journal.eventsOf('a').filter(event => event === 'step')).toHaveLength(1);
    expect(job().facts).toEqual({ claim: 'clm' });
    await ledger.commit('a', { event: 'queued', data: { because: 'the wait is over' } });
    await run();
    expect(job().state.name).toBe('done');
  });

  it('tells the engine of a further version what the cloud has of the version before it', async () => {
    const { run, job, stages, ledger, journal } = await setup();
    const engine = new FakeEngine('local', async (context, n) => {
      if (n === 1) await context.cloud({ session: 's1', user: 'u1' });
      return aCandidate();
    });
    stages.engines = { local: engine };
    await run();
    expect(journal.eventsOf('a').filter(event => event === 'fact')).toHaveLength(2);
    const { inbox, path, relative, pin, fingerprint, decision } = job();
    const data = { arrival: 2, inbox, path, relative, pin, fingerprint, version: 2, decision };
    await ledger.commit('b', { event: 'admitted', data });
    await run('b');
    expect(engine.orders.map(({ previous }) => previous)).toEqual([
      undefined,
      // Made by the rule alone.
      { cloud: { session: 's1', user: 'u1' }, words: [''] },
    ]);
  });

  it('tells the engine of a retried version whether a later one has used its session since', async () => {
    const { run, job, stages, ledger } = await setup();
    const engine = new FakeEngine('local', async (context, n) => {
      await context.cloud({ session: n === 4 ? 's2' : 's1', user: 'u1' });
      return n === 1 || n === 3 ? fails('unconfirmed') : aCandidate();
    });
    stages.engines = { local: engine };
    await run();
    const { inbox, path, relative, pin, fingerprint, decision } = job();
    const data = { inbox, path, relative, pin, fingerprint, version: 2, decision };
    const again: JobEvent = { event: 'queued', data: { because: 'asked again', byPerson: true } };
    await ledger.commit('b', { event: 'admitted', data: { ...data, arrival: 2 } });
    await run('b');
    await ledger.commit('a', again);
    await run();
    expect(engine.orders.map(({ isOvertaken }) => isOvertaken)).toEqual([false, false, true]);
  });

  it('does nothing before the journal is on the disk with what it rests on', async () => {
    const order: string[] = [];
    const { run, stages } = await setupWith(new SlowJournal(order), aDecision());
    const note = <T>(what: string, is: T): T => {
      order.push(what);
      return is;
    };
    const engine = new FakeEngine('local', async context => {
      order.push('the engine begins');
      await context.step('ask');
      await context.record('message', { sent: true });
      order.push('pays');
      await context.doubt('confirm-message', { code: 'outcome-unknown', text: 'cut' });
      await context.fact('agent', 'done');
      return note('has a candidate', aCandidate());
    });
    stages.engines = { local: engine };
    const { verify, deliver } = stages;
    stages.verify = (...args) => note('verifies', verify(...args));
    stages.deliver = async (job, given, { signal, source, onIntent }) => {
      const delivery = await deliver(job, given, {
        signal,
        source,
        onIntent: intended => onIntent(intended).then(() => void order.push('the name appears')),
      });
      return note('delivered', delivery);
    };
    stages.dispose = async (_job, onIntent) => {
      order.push('looks at the original');
      await onIntent('/archive/clip.mp4');
      return note('the original goes', { kind: 'archived', to: '/archive/clip.mp4' });
    };
    await run();
    expect(order).toEqual([
      'admitted is durable',
      'started is durable',
      'the engine begins',
      'step is durable',
      'checkpoint is durable',
      'pays',
      'doubted is durable',
      'fact is durable',
      'has a candidate',
      'step candidate is durable',
      'verifies',
      'verified is durable',
      'publishing is durable',
      'the name appears',
      'delivered',
      'published is durable',
      'looks at the original',
      'disposing is durable',
      'the original goes',
      'disposed done is durable',
    ]);
  });

  it('keeps the decision it began with, whatever the rules say by now', async () => {
    const begun: JobEvent = { event: 'checkpoint', data: { key: 'message.1', value: 'sent' } };
    const asked: JobEvent = { event: 'started', data: { engine: 'nemo', step: 'asking the agent' } };
    const { run, job, stages } = await setup(aDecision({ engine: 'nemo' }), asked, begun);
    const engine = new FakeEngine('nemo');
    stages.engines = { nemo: engine };
    stages.decide = () => ({ kind: 'skip', rule: 'new', reason: 'nobody wants it any more' });
    await run();
    expect(job()).toMatchObject({ state: { name: 'done' }, decision: { kind: 'do', engine: 'nemo' } });
    expect(engine.runs).toBe(1);
  });

  it('decided not to be processed is decided again, and rests again if nothing has changed', async () => {
    const hold: Decision = { kind: 'hold', rule: 'r', engine: 'local', reason: 'cannot', hint: 'change the words' };
    const { run, job, stages, ledger } = await setup(hold);
    await run();
    expect(job().state).toMatchObject({ name: 'held', reason: { text: 'cannot' } });
    await ledger.commit('a', { event: 'queued', data: { because: 'a person asked for another try', fresh: true } });
    stages.decide = () => aDecision();
    await run();
    expect(job().state.name).toBe('done');
  });

  it('leaves its slot when the rules give it to the other engine meanwhile', async () => {
    const { run, job, stages } = await setup();
    const nemo = new FakeEngine('nemo');
    stages.engines = { ...stages.engines, nemo };
    stages.decide = () => aDecision({ engine: 'nemo' });
    await run();
    expect(job()).toMatchObject({ state: { name: 'queued' }, decision: { engine: 'nemo' } });
    expect(nemo.runs).toBe(0);
    await run();
    expect(job().state.name).toBe('done');
  });
});

describe('a job left behind by a crash', () => {
  it.each([
    ['running', [started], ['queued', 'started', 'candidate', 'verified', 'publishing', 'published', 'done']],
    ['verifying', [started, candidate], ['verified', 'publishing', 'published', 'done']],
    ['delivering', [started, candidate, verified], ['publishing', 'published', 'done']],
    ['delivering, about to publish', [started, candidate, verified, publishing], ['publishing', 'published', 'done']],
    ['delivering, published', [started, candidate, verified, publishing, published], ['done']],
  ] as const)('in %s goes on from there', async (_state, events, expected) => {
    const { run, job, journal } = await setup(aDecision(), ...events);
    await run();
    expect(job().state.name).toBe('done');
    expect(journal.eventsOf('a').slice(events.length + 1)).toEqual(expected);
  });

  it('after the final name had appeared is not delivered twice', async () => {
    const { run, job, stages } = await setup(aDecision(), started, candidate, verified, publishing);
    stages.findPublished = async () => ({ output: '/out/clip.mp4', bytes: 400_000 });
    await run();
    expect(job().state.name).toBe('done');
    expect(stages.done).not.toContain('publish');
  });

  it('whose candidate is gone makes it again, with the checkpoints it had', async () => {
    const kept: JobEvent = { event: 'checkpoint', data: { key: 'render', value: 'r1' } };
    const { run, job, stages } = await setup(aDecision(), started, kept, candidate);
    stages.intact = false;
    expect(await run()).toEqual({ kind: 'rested' });
    expect(job()).toMatchObject({ state: { name: 'queued' }, checkpoints: { render: 'r1' } });
  });

  it('in doubt asks its engine again and stays in doubt until the engine knows', async () => {
    const doubted: JobEvent = {
      event: 'doubted',
      data: { engine: 'nemo', step: 'message', reason: { code: 'outcome-unknown', text: 'cut' } },
    };
    const { run, job, journal, stages } = await setup(
      aDecision({ engine: 'nemo' }),
      { event: 'started', data: { engine: 'nemo', step: 'message' } },
      doubted,
    );
    stages.engines = {
      nemo: new FakeEngine('nemo', async () => {
        expect(job().state.name).toBe('in-doubt');
        return aCandidate();
      }),
    };
    await run();
    expect(job().state.name).toBe('done');
    expect(journal.eventsOf('a')).not.toContain('queued');
  });
});

describe('what goes wrong', () => {
  it.each([
    ['no-space', 'waiting'],
    ['unavailable', 'waiting'],
    ['io', 'waiting'],
    ['rate-limited', 'waiting'],
    ['child-stalled', 'waiting'],
    ['out-of-credits', 'waiting'],
    ['denied', 'held'],
    ['cannot-do', 'held'],
    ['not-media', 'failed'],
    ['no-video', 'failed'],
  ] as [ErrorCode, string][])('%s leads to %s with its reason', async (code, state) => {
    const { run, job, stages } = await setup();
    stages.engines = { local: new FakeEngine('local', async () => fails(code)) };
    await run();
    expect(job().state).toMatchObject({ name: state, reason: { code, text: `${code} happened` } });
  });

  it('a full disk waits longer every time, uses nothing up, and continues by itself', async () => {
    const { run, job, stages, ledger, clock } = await setup();
    stages.reserve = async () => fails('no-space');
    const waits: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      await run();
      const { state } = job();
      if (state.name !== 'waiting') throw new Error(state.name);
      waits.push(state.until - clock.now());
      await ledger.commit('a', { event: 'queued', data: { because: 'due' } });
    }
    expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
    expect(job().attempts).toBe(0);
  });

  it('a pause the service asked for is as long as it asked, and not what shrinkbox would take', async () => {
    const { run, job, stages, clock } = await setup(aDecision({ engine: 'nemo' }));
    const engine = new FakeEngine('nemo', async () => {
      throw new ShrinkError('rate-limited', 'the service asks for a pause', { retryAfterMs: 25 * 60_000 });
    });
    stages.engines = { nemo: engine };
    await run();
    expect(job().state).toMatchObject({ name: 'waiting', until: clock.now() + 25 * 60_000 });
  });

  it('a child that stalls is tried once more and then set aside with a report', async () => {
    const { run, job, stages, ledger } = await setup();
    const engine = new FakeEngine('local', async () => fails('child-stalled', 'ffmpeg made no progress'));
    stages.engines = { local: engine };
    await run();
    await ledger.commit('a', { event: 'queued', data: { because: 'due' } });
    await run();
    expect(job().state).toMatchObject({
      name: 'failed',
      reason: { text: 'set aside after 2 tries: ffmpeg made no progress' },
    });
    expect(engine.runs).toBe(2);
    expect([...stages.reports.values()]).toEqual(['set aside after 2 tries: ffmpeg made no progress']);
  });

  it('a job that a person has to help keeps its working files, to continue from them', async () => {
    const { run, job, stages } = await setup();
    stages.engines = { local: new FakeEngine('local', async () => fails('denied')) };
    await run();
    expect(job().state.name).toBe('held');
    expect(stages.done).not.toContain('removed work of a');
  });

  it('a source that kills its worker three times is set aside', async () => {
    const { run, job, stages, ledger } = await setup();
    const engine = new FakeEngine('local', async () => fails('child-killed'));
    stages.engines = { local: engine };
    for (let n = 0; n < 2; n += 1) {
      await run();
      await ledger.commit('a', { event: 'queued', data: { because: 'due' } });
    }
    await run();
    expect(job().state.name).toBe('failed');
    expect(engine.runs).toBe(3);
  });

  it('a bug that hits one file fails that file and not the daemon', async () => {
    const { run, job, stages } = await setup();
    stages.engines = {
      local: new FakeEngine('local', async () => {
        throw new TypeError('x is not a function');
      }),
    };
    expect(await run()).toEqual({ kind: 'rested' });
    expect(job().state).toMatchObject({ name: 'failed', reason: { code: 'crashed' } });
  });

  it.each([
    ['EIO', 'waiting', 'io'],
    ['ENOSPC', 'waiting', 'no-space'],
    ['EMFILE', 'waiting', 'io'],
    ['EROFS', 'held', 'denied'],
    ['EINVAL', 'failed', 'crashed'],
  ])(
    '%s met where nobody expected it is the machine, not a bug: %s (was: the file failed for good)',
    async (errno, name, code) => {
      const { run, job, stages } = await setup();
      stages.engines = {
        local: new FakeEngine('local', async () => {
          throw Object.assign(new Error(`${errno}: the system's own words`), { code: errno });
        }),
      };
      await run();
      expect(job().state).toMatchObject({ name, reason: { code, text: expect.stringContaining(errno) } });
    },
  );

  it('ffmpeg that is away for a moment, as while it is upgraded, is waited for (was: every job that met it was held)', async () => {
    const { run, job, stages } = await setup();
    stages.engines = { local: new FakeEngine('local', async () => fails('tool-missing')) };
    await run();
    expect(job().state).toMatchObject({ name: 'waiting', reason: { code: 'tool-missing' } });
  });

  it('a journal that cannot be written stops everything', async () => {
    const { run, stages } = await setup();
    stages.engines = { local: new FakeEngine('local', async () => fails('journal-write')) };
    await expect(run()).rejects.toMatchObject({ code: 'journal-write' });
  });

  it('a bad candidate is made again from the beginning, once', async () => {
    const { run, job, stages } = await setup(
      aDecision(),
      started,
      { event: 'checkpoint', data: { key: 'pass', value: 1 } },
      candidate,
    );
    stages.verify = async () => fails('verify-failed');
    await run();
    expect(job()).toMatchObject({ state: { name: 'waiting' }, strikes: { 'verify-failed': 1 } });
    expect(job().checkpoints).toEqual({});
  });

  it('a bad render of the cloud is held, not paid for again', async () => {
    const paid: JobEvent = { event: 'checkpoint', data: { key: 'message', value: 'sent' } };
    const { run, job, stages } = await setup(
      aDecision({ engine: 'nemo' }),
      { event: 'started', data: { engine: 'nemo', step: 'x' } },
      paid,
      candidate,
    );
    stages.verify = async () => fails('verify-failed');
    await run();
    expect(job()).toMatchObject({ state: { name: 'held' }, checkpoints: { message: 'sent' } });
    // Was: "please report it", though the result is the service's.
    expect(reasonOf(job())?.hint).toMatch(/^Nothing was delivered.*Retry, which is free.*rendered again/);
  });

  it('what this machine made for a job of the cloud is not said to be fetched or rendered again', async () => {
    const { run, job, stages } = await setup(
      aDecision({ engine: 'nemo' }),
      { event: 'started', data: { engine: 'nemo', step: 'x' } },
      { event: 'candidate', data: { candidate: aCandidate({ madeHere: true }) } },
    );
    stages.verify = async () => fails('verify-failed');
    await run();
    const hint = reasonOf(job())?.hint;
    expect(hint).toMatch(/^Nothing was delivered.*Retry to have this machine make the file again/);
    expect(hint).not.toMatch(/fetched|rendered/);
  });

  it('a service that refuses and says "at once" is not asked without a pause', async () => {
    const { run, job, stages, clock } = await setup();
    const refusal = () => Promise.reject(new ShrinkError('rate-limited', 'not now', { retryAfterMs: 0 }));
    stages.engines = { local: new FakeEngine('local', refusal) };
    await run();
    const { state } = job();
    expect(state.name === 'waiting' && state.until - clock.now()).toBeGreaterThanOrEqual(1000);
  });

  it('no credits pauses the engine and keeps the job', async () => {
    const { run, job, stages } = await setup(aDecision({ engine: 'nemo' }));
    stages.engines = { nemo: new FakeEngine('nemo', async () => fails('out-of-credits')) };
    expect(await run()).toEqual({
      kind: 'engine-paused',
      forMs: 3_600_000,
      reason: expect.objectContaining({ text: 'out-of-credits happened' }),
    });
    expect(job().state.name).toBe('waiting');
  });

  it('what the cloud cannot do falls back to this machine where the rule allows, and stays here (was: back and forth without end)', async () => {
    const { run, job, stages, journal } = await setup(aDecision({ engine: 'nemo', fallback: 'local' }));
    stages.engines = { nemo: new FakeEngine('nemo', async () => fails('out-of-credits')), local: new FakeEngine() };
    expect(await run()).toEqual({
      kind: 'engine-paused',
      forMs: 3_600_000,
      reason: expect.objectContaining({ text: 'out-of-credits happened' }),
    });
    expect(job()).toMatchObject({ state: { name: 'queued' }, decision: { engine: 'local' } });
    await run();
    expect(job()).toMatchObject({ state: { name: 'done' }, decision: { engine: 'local' } });
    // Was: nothing said that the cloud had been asked.
    const why = 'the cloud could not do it (out-of-credits happened); this machine does it instead';
    expect(job().state).toMatchObject({ notes: [why], messages: { notes: [{ code: 'queue.fell-back' }] } });
    expect(stages.engines.nemo).toMatchObject({ runs: 1 });
    // Of a write that a crash cuts short the beginning may be there: queued anew for the cloud it would be asked and paid again.
    expect(journal.eventsOf('a').slice(0, 4)).toEqual(['admitted', 'started', 'decided', 'queued']);
  });
});

describe('the source', () => {
  it('changed during the encode: the result is dropped and the file sighted again', async () => {
    const { run, job, stages, journal } = await setup();
    const engine = new FakeEngine('local', async () => {
      stages.sourceNow = () => aPin({ mtimeNs: '999', sizeBytes: 2_000_000 });
      return aCandidate();
    });
    stages.engines = { local: engine };
    await run();
    expect(job().state).toMatchObject({ name: 'cancelled', reason: { code: 'replaced' } });
    // Not even copied to the outbox's disk, which may take a while.
    expect(journal.eventsOf('a')).not.toContain('verified');
    expect(stages.done).not.toContain('publish');
    expect(stages.resighted).toEqual(['clip.mp4']);
  });

  it('changed between verification and the final name: nothing appears', async () => {
    const { run, job, stages } = await setup();
    const { deliver } = stages;
    stages.deliver = async (...args) => {
      stages.sourceNow = () => aPin({ mtimeNs: '999', sizeBytes: 2_000_000 });
      return deliver(...args);
    };
    await run();
    expect(job().state.name).toBe('cancelled');
    expect(stages.done).not.toContain('publish');
  });

  it('only touched by chmod or remounted is the same source', async () => {
    const { run, job, stages } = await setup();
    stages.sourceNow = () => aPin({ ctimeNs: '999', dev: '77' });
    await run();
    expect(job()).toMatchObject({ state: { name: 'done' }, pin: { ctimeNs: '999', dev: '77' } });
  });

  it('renamed while ffmpeg reads it by its old name: the job continues under the new one', async () => {
    const { run, job, stages, ledger } = await setup();
    const engine = new FakeEngine('local', async (_context, n) => {
      if (n === 2) return aCandidate();
      const { pin } = job();
      await ledger.commit('a', { event: 'repinned', data: { path: '/in/new.mp4', relative: 'new.mp4', pin } });
      return fails('child-failed');
    });
    stages.engines = { local: engine };
    expect(await run()).toEqual({ kind: 'again' });
    expect(job()).toMatchObject({ state: { name: 'queued' }, relative: 'new.mp4' });
    await run();
    expect(job().state.name).toBe('done');
  });

  it('deleted while ffmpeg still needs it: the job ends with that reason, not with what ffmpeg said', async () => {
    const { run, job, stages } = await setup();
    const engine = new FakeEngine('local', async () => {
      stages.sourceNow = () => fails('gone');
      return fails('child-failed');
    });
    stages.engines = { local: engine };
    await run();
    expect(job().state).toMatchObject({
      name: 'cancelled',
      reason: { text: 'the file was removed before it was done' },
    });
  });

  it('changed before its turn is not processed: the decision, perhaps a paid one, was about other bytes', async () => {
    const { run, job, stages } = await setup(aDecision({ engine: 'nemo' }));
    const engine = new FakeEngine('nemo');
    stages.engines = { nemo: engine };
    stages.sourceNow = () => aPin({ mtimeNs: '999', sizeBytes: 2_000_000 });
    await run();
    expect(job().state).toMatchObject({ name: 'cancelled', reason: { code: 'replaced' } });
    expect(engine.runs).toBe(0);
    expect(stages.resighted).toEqual(['clip.mp4']);
  });

  it('deleted before its turn ends the job with a reason', async () => {
    const { run, job, stages } = await setup();
    stages.sourceNow = () => fails('gone');
    await run();
    expect(job().state).toMatchObject({
      name: 'cancelled',
      reason: { text: 'the file was removed before it was done' },
    });
  });

  it('on a share that is away waits for the share', async () => {
    const { run, job, stages } = await setup();
    stages.sourceNow = () => fails('unavailable');
    await run();
    expect(job().state).toMatchObject({ name: 'waiting', reason: { code: 'unavailable' } });
  });
});

describe('an original with damaged spots', () => {
  it('stays, whatever the folder says', async () => {
    const { run, job, stages } = await setup();
    stages.engines = { local: new FakeEngine('local', async () => aCandidate({ damagedSource: true })) };
    let isGone = false;
    stages.dispose = async () => {
      isGone = true;
      return { kind: 'deleted', to: '/in/clip.mp4' };
    };
    await run();
    expect(job().state).toMatchObject({ name: 'done', notes: [expect.stringMatching(/original stays/)] });
    expect(isGone).toBe(false);
  });

  it.each<ErrorCode>(['no-space', 'unavailable', 'io'])(
    'is put away later where the archive has a passing trouble: %s (was: it stayed for good)',
    async code => {
      const { run, job, stages, ledger } = await setup();
      stages.dispose = () => fails(code);
      expect(await run()).toEqual({ kind: 'again' });
      expect(job().state).toMatchObject({
        name: 'waiting',
        reason: { text: expect.stringMatching(/^the result is delivered, but the original cannot be put away yet/) },
      });
      stages.dispose = async () => ({ kind: 'archived', to: '/ar/clip.mp4' });
      stages.deliver = () => fails('io');
      await ledger.commit('a', { event: 'queued', data: { because: 'its time has come' } });
      expect(await run()).toEqual({ kind: 'rested' });
      expect(job()).toMatchObject({ state: { name: 'done' }, original: { kind: 'archived', path: '/ar/clip.mp4' } });
    },
  );

  it('stays, with a note, where the trouble does not pass in a while', async () => {
    const { run, job, stages, ledger } = await setup();
    stages.dispose = () => fails('no-space');
    for (let tries = 0; tries < 20 && job().state.name !== 'done'; tries += 1) {
      await run();
      if (job().state.name === 'waiting')
        await ledger.commit('a', { event: 'queued', data: { because: 'its time has come' } });
    }
    expect(job().state).toMatchObject({ name: 'done', notes: [expect.stringMatching(/original stays/)] });
    expect(job().attempts).toBe(1);
  });
});

describe('stopping', () => {
  it('leaves a running job queued with what it reached', async () => {
    const { run, job, stages, stop } = await setup();
    stages.engines = {
      local: new FakeEngine('local', async context => {
        await context.record('pass', 1);
        stop({ kind: 'stopping' });
        return fails('cancelled');
      }),
    };
    expect(await run()).toEqual({ kind: 'again' });
    expect(job()).toMatchObject({ state: { name: 'queued' }, checkpoints: { pass: 1 } });
  });

  it('leaves a job in doubt in doubt', async () => {
    const { run, job, stages, stop } = await setup(aDecision({ engine: 'nemo' }));
    stages.engines = {
      nemo: new FakeEngine('nemo', async context => {
        await context.doubt('confirm-message', { code: 'outcome-unknown', text: 'the stream was cut' });
        stop({ kind: 'stopping' });
        return fails('cancelled');
      }),
    };
    await run();
    expect(job().state.name).toBe('in-doubt');
  });

  it('by a person cancels, and keeps what was reached for a while', async () => {
    const { run, job, stages, stop } = await setup();
    stages.engines = {
      local: new FakeEngine('local', async () => {
        stop({ kind: 'cancelled' });
        return fails('cancelled');
      }),
    };
    await run();
    expect(job().state).toMatchObject({
      ...{ name: 'cancelled', until: expect.any(Number), reason: { text: 'cancelled by a person' } },
    });
    expect(stages.done).not.toContain('removed work of a');
  });
});

describe('reports', () => {
  it('are written before the working files go: a kill in between leaves the next start something to see', async () => {
    const { run, stages } = await setup();
    stages.report = async () => void stages.done.push('report');
    await run();
    expect(stages.done.slice(-2)).toEqual(['report', 'removed work of a']);
  });

  it('of earlier failures go when the file is delivered at last', async () => {
    const { run, job, stages, ledger } = await setup();
    const engine = new FakeEngine('local', async (_context, n) => (n === 1 ? fails('not-media') : aCandidate()));
    stages.engines = { local: engine };
    await run();
    expect(job().report).toBe('/out/clip.mp4.failed.txt');
    await ledger.commit('a', { event: 'queued', data: { because: 'retry', fresh: true } });
    await run();
    expect(job()).toMatchObject({ state: { name: 'done' }, report: undefined });
    expect(stages.reports.size).toBe(0);
  });
});

it('a new step starts without the remark and the age of the one before (was: rendering: still working, for 2m 22s)', async () => {
  const { stages, ledger, clock } = await setup();
  const seen: Progress[] = [];
  const now = () => seen.at(-1);
  stages.engines = {
    local: new FakeEngine('local', async context => {
      await context.step('ask');
      context.progress({ fraction: 0.45, note: 'still working', waitsSince: 5 });
      await context.step('render');
      expect(now()).toEqual({ fraction: 0.45 });
      context.progress({ note: 'rendering, usually 30-90 s', waitsSince: undefined });
      await context.doubt('confirm-message', { code: 'outcome-unknown', text: 'It is not known' });
      expect(now()).toEqual({ fraction: 0.45 });
      return aCandidate();
    }),
  };
  const afterRest = new AfterRest({ ledger, stages, clock, log: silentLogger });
  const worker = new JobWorker({
    ledger,
    stages,
    afterRest: id => afterRest.cleanUp(id),
    clock,
    log: silentLogger,
  });
  await worker.run('a', new AbortController().signal, progress => void seen.push(progress));
  expect(ledger.expect('a').state.name).toBe('done');
});

it('what holds a job up shows in place of its remark, which is there again afterwards', async () => {
  const held = { note: 'asking again at 12:50:39', waitsSince: 7 };
  expect(shownProgress({ fraction: 0.1, note: 'uploading', held })).toEqual({ fraction: 0.1, ...held });
  expect(shownProgress({ fraction: 0.1, note: 'uploading' })).toEqual({ fraction: 0.1, note: 'uploading' });
});
